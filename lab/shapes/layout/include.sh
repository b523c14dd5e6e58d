# The compose file includes another, of the proxy, whose paths start at its own folder.
compose down >/dev/null 2>&1
change
cd docker
mkdir proxy
git mv Caddyfile proxy/Caddyfile
{ echo "services:"; sed -n '/^  caddy:/,/^$/p' docker-compose.yml; printf 'volumes:\n  caddy_data:\n'; } >proxy/compose.yml
sed -i -e '/^  caddy:/,/^$/d' -e '/^volumes:/,$d' -e '1i include: [proxy/compose.yml]' docker-compose.yml
commit "The proxy is included"
start
