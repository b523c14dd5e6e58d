# The compose files in a folder of their own, called with --project-directory: paths in them start at the tree, and so does .env.
compose down >/dev/null 2>&1
change
mkdir deploy
git mv docker/docker-compose.yml deploy/compose.yml
git mv docker/docker-compose.prod.yml deploy/prod.yml
git mv docker/Caddyfile deploy/Caddyfile
sed -i 's|context: \.\.|context: .|; s|\.\./\.env|.env|; s|\./Caddyfile|./deploy/Caddyfile|' deploy/compose.yml
commit "Compose files in deploy"
cat docker/.env >>.env
rm -r docker
goes_by <<'END'
project=dyniq-voice
compose() { docker compose --project-directory "$tree" -f "$tree/deploy/compose.yml" "$@"; }
prod() { compose -f "$tree/deploy/prod.yml" "$@"; }
END
start
