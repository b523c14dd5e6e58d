cd /srv/analytics
sed -i 's/^APP_SECRET=/APP_SECERT=/' .env
said docker compose up -d
