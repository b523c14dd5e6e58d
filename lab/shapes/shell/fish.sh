# fish as the login shell.
usermod --shell /usr/bin/fish "$user"
