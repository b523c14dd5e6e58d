# A user who may do nothing but call sudo, without a password; the tree is root's.
useradd --create-home --shell /bin/bash "$user"
install -d -o "$user" -g "$user" -m 700 "/home/$user/.ssh"
install -o "$user" -g "$user" -m 600 /root/.ssh/authorized_keys "/home/$user/.ssh/"
echo "$user ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/lab
chmod 440 /etc/sudoers.d/lab
