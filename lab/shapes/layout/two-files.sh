# Two compose files in every call: the second has the proxy, and more for a service of the first.
compose down >/dev/null 2>&1
change
cd docker
proxy() { sed -n '/^  caddy:/,/^$/p' docker-compose.yml; }
{ echo "services:"; proxy; printf '  agents-api:\n    environment:\n      LIVE: "yes"\n\nvolumes:\n  caddy_data:\n'; } >live.yml
sed -i -e '/^  caddy:/,/^$/d' -e '/^volumes:/,$d' docker-compose.yml
commit "The proxy in a file of its own"
goes_by <<'END'
compose() { (cd "$tree/docker" && docker compose -f docker-compose.yml -f live.yml "$@"); }
prod() { compose -f docker-compose.prod.yml "$@"; }
END
start
