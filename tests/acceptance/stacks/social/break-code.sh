cd /srv/social
app . broken
git commit -q -a -m "Divide the work"
said docker compose build
said docker compose up -d
