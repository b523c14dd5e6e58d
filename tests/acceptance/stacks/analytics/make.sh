alone
mkdir -p /srv/edge /srv/analytics /tmp/nginx
cp /opt/brought/edge.yaml /srv/edge/compose.yaml
cp /opt/brought/nginx.conf /srv/edge/
cp /opt/brought/nginx /tmp/nginx/
printf 'FROM python:3.13-slim\nCOPY nginx /usr/local/bin/nginx\nRUN chmod 755 /usr/local/bin/nginx\nWORKDIR /etc/nginx\nCMD ["nginx", "-g", "daemon off;"]\n' >/tmp/nginx/Dockerfile
said docker build -q -t edge-nginx /tmp/nginx
cd /srv/edge
said docker compose up -d
pushed analytics postgresql-latest
cd /srv/analytics
cp /opt/brought/compose.yaml .
secret=$(password)
echo "$secret" >db-password
chmod 600 db-password
printf 'DB_PASSWORD=%s\nAPP_SECRET=%s\n' "$secret" "$(password)" >.env
chmod 600 .env
said docker compose pull web
said docker compose up -d
eventually docker exec analytics-db-1 psql -U analytics -d analytics -c 'CREATE TABLE IF NOT EXISTS visits AS SELECT generate_series(1, 500) AS id'
mkdir -p /backup
docker exec analytics-db-1 pg_dump -U analytics analytics >/backup/analytics-1.sql
eventually curl -fsS -H 'Host: analytics.example' http://127.0.0.1:443/api/heartbeat
