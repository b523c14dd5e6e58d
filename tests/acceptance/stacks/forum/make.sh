alone
cat >/tmp/Dockerfile <<'END'
FROM python:3.13-slim AS packages
COPY files /
COPY mariadb.sh /usr/local/bin/docker-entrypoint.sh
RUN chmod 755 /usr/local/bin/docker-entrypoint.sh && useradd --system --home-dir /nonexistent mysql
FROM packages
ENV MARIADB_VERSION=1:11.8
ENTRYPOINT ["docker-entrypoint.sh"]
END
cp /opt/brought/mariadb.sh /tmp/
said docker build -q -f /tmp/Dockerfile --target packages -t python-with-mysql /tmp
said docker build -q -f /tmp/Dockerfile -t mariadb:11.8 /tmp
rm -r /tmp/files
mkdir -p /srv/forum/web /backup
cd /srv/forum
cp /opt/brought/compose.yaml .
cp /opt/brought/forum.py web/
printf 'FROM python-with-mysql\nCOPY forum.py /\nENTRYPOINT ["python3", "/forum.py"]\n' >web/Dockerfile
umask 077
password >root-password
password >user-password
umask 022
chmod 644 user-password
said docker compose build
said docker compose up -d
sql() { docker exec -i forum-db-1 sh -c 'MYSQL_PWD=$(cat /run/secrets/root) exec mariadb "$@"' sh "$@"; }
dump() { docker exec forum-db-1 sh -c 'MYSQL_PWD=$(cat /run/secrets/root) exec mariadb-dump "$@"' sh "$@"; }
eventually sql -e 'SELECT 1'
sql forum <<'END'
CREATE TABLE authors (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) NOT NULL);
CREATE TABLE posts (id INT AUTO_INCREMENT PRIMARY KEY, author INT NOT NULL, at DATETIME NOT NULL, text TEXT,
    FOREIGN KEY (author) REFERENCES authors (id) ON DELETE CASCADE);
CREATE TABLE visits (id INT AUTO_INCREMENT PRIMARY KEY, at TIMESTAMP NOT NULL);
INSERT INTO authors (name) VALUES ('Ada'), ('Grace'), ('O''Neil\nUSE `forum`;');
INSERT INTO posts (author, at, text) SELECT 1 + seq % 3, NOW() - INTERVAL seq MINUTE, REPEAT('it''s (so), ', 5) FROM seq_1_to_300;
END
dump forum >/backup/forum-1.sql
eventually curl -fsS http://127.0.0.1:443/
