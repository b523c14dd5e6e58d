cd /srv/social
sed -i 's/^DB_HOST=.*/DB_HOST=/' .env.database
said docker compose up -d
