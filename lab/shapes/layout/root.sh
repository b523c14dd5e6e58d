# compose.yaml in the root of the tree, with a project name in it; one .env for compose and for the services.
compose down >/dev/null 2>&1
change
git mv docker/docker-compose.yml compose.yaml
git mv docker/docker-compose.prod.yml compose.prod.yaml
git mv docker/Caddyfile Caddyfile
sed -i -e '1i name: voice-stack' -e 's|context: \.\.|context: .|; s|\.\./\.env|.env|' compose.yaml
commit "Compose files in the root"
cat docker/.env >>.env
rm -r docker
goes_by <<'END'
project=voice-stack
compose() { (cd "$tree" && docker compose "$@"); }
prod() { compose -f compose.yaml -f compose.prod.yaml "$@"; }
END
start
