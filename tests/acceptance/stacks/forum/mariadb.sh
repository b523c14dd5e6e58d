#!/bin/sh
# First start: the database and the two users that the environment names. Then mariadbd.
set -eu
install -d -o mysql -g mysql /run/mysqld
install -d -o mysql -g mysql -m 0700 /var/lib/mysql
if [ ! -d /var/lib/mysql/mysql ]; then
    mariadb-install-db --user=mysql --skip-test-db >/dev/null
    mariadbd --user=mysql --bootstrap <<END
FLUSH PRIVILEGES;
ALTER USER root@localhost IDENTIFIED BY '$(cat "$MARIADB_ROOT_PASSWORD_FILE")';
CREATE DATABASE $MARIADB_DATABASE;
CREATE USER $MARIADB_USER IDENTIFIED BY '$(cat "$MARIADB_PASSWORD_FILE")';
GRANT ALL ON $MARIADB_DATABASE.* TO $MARIADB_USER;
END
fi
exec mariadbd --user=mysql --bind-address=0.0.0.0
