# tcsh as the login shell.
usermod --shell /usr/bin/tcsh "$user"
