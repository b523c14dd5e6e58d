# dash as the login shell.
usermod --shell /bin/dash "$user"
