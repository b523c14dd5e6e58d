cd /srv/inventory
sed -i 's/^REDIS_HOST=.*/REDIS_HOTS=redis/' env/app.env
said docker compose up -d
