# A site that nginx serves, as a service of the stack behind Caddy, in the tree and in git.
cd /opt/dyniq-voice
mkdir nginx
cat >nginx/nginx.conf <<'EOF'
user root;
worker_processes 1;
error_log stderr;
pid /run/nginx.pid;
events {}
http {
    access_log off;
    server {
        listen 8000;
        location / { return 200 "the site\n"; }
    }
}
EOF
cp nginx/nginx.conf /opt/site/
cat >/opt/site/Dockerfile <<EOF
FROM $(docker inspect --format '{{.Config.Image}}' docker-caddy-1)
COPY nginx /usr/local/bin/nginx
COPY nginx.conf /etc/nginx/nginx.conf
WORKDIR /etc/nginx
CMD ["nginx", "-g", "daemon off;"]
EOF
chmod 755 /opt/site/nginx
docker build -q -t site /opt/site
cat >/opt/site/service.yml <<'EOF'
  site:
    image: site
    restart: unless-stopped
    volumes: ["../nginx/nginx.conf:/etc/nginx/nginx.conf"]

EOF
sed -i '/^services:/r /opt/site/service.yml' docker/docker-compose.yml
printf '\nsite.dyniq.ai {\n\treverse_proxy site:8000\n}\n' >>docker/Caddyfile
git add nginx docker
git commit -qm "nginx serves the site"
cd docker
docker compose up -d site
docker exec docker-caddy-1 caddy reload --config /etc/caddy/Caddyfile --adapter caddyfile
