# Caddy 2.11.
laid_over caddy:2
docker tag caddy:2 localhost:5000/library/caddy:2
said docker push -q localhost:5000/library/caddy:2
start
