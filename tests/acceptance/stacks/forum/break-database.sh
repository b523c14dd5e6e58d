docker exec forum-db-1 sh -c 'MYSQL_PWD=$(cat /run/secrets/root) exec mariadb forum -e "DELETE FROM authors; ALTER TABLE posts ADD COLUMN mood INT"'
