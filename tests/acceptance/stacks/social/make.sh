alone
git init -q --bare /srv/git/social.git
git clone -q /srv/git/social.git /srv/social 2>/dev/null
cd /srv/social
cp /opt/brought/compose.yaml /opt/brought/compose.override.yaml .
app .
mkdir streaming
cp Dockerfile streaming/Dockerfile
echo 'LABEL part=streaming' >>streaming/Dockerfile
printf '.env*\n' >.gitignore
printf 'SECRET_KEY_BASE=%s\nLOCAL_DOMAIN=social.example\n' "$(password)" >.env.production
printf 'DB_HOST=db\nDB_PASS=%s\n' "$(password)" >.env.database
chmod 600 .env.production .env.database
git add .
git commit -q -m "The app"
said docker compose build
said docker compose up -d
sed -i 's/who asks?/who is it?/' app.py
git commit -q -a -m "Ask in other words"
git push -q origin HEAD:main
said docker compose build
said docker compose up -d
eventually curl -fsS http://127.0.0.1:443/health
