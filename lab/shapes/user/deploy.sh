# A user in group docker, whose the tree is.
useradd --create-home --shell /bin/bash --groups docker "$user"
install -d -o "$user" -g "$user" -m 700 "/home/$user/.ssh"
install -o "$user" -g "$user" -m 600 /root/.ssh/authorized_keys "/home/$user/.ssh/"
install -o "$user" -g "$user" -m 644 /root/.gitconfig "/home/$user/"
[ ! -d "$tree.git" ] || chown -R "$user:" "$tree.git"
chown -R "$user:" "$tree" /srv/git
goes_by <<END
team=$user
END
