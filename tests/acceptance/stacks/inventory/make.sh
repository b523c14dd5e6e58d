alone
pushed inventory v1.0
git init -q /srv/inventory
cd /srv/inventory
cp /opt/brought/compose.yml .
cp /opt/brought/compose.override.yml .
mkdir env
printf 'SECRET_KEY=%s\nREDIS_HOST=redis\n' "$(password)" >env/app.env
printf 'REDIS_PASSWORD=%s\n' "$(password)" >env/redis.env
printf 'env/\n.env\ncompose.override.yml\n' >.gitignore
git add .
git commit -q -m "Version 1.0"
echo 'VERSION=v1.0' >.env
said docker compose pull app worker
said docker compose up -d
eventually curl -fsS http://127.0.0.1:443/health
