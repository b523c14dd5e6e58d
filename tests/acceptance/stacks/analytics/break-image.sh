# The tag in the registry is another image now, as after any deploy of theirs.
pushed analytics postgresql-latest broken
cd /srv/analytics
said docker compose pull web
said docker compose up -d
