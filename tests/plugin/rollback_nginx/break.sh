# A bad nginx.conf is committed and loaded: nothing of the site is served any more.
cd /opt/dyniq-voice
sed 's/return 200 .*/return 404; }/' nginx/nginx.conf >/tmp/nginx.conf
cat /tmp/nginx.conf >nginx/nginx.conf # into the same file, to which the container holds on
git commit -qam "nginx: serve the new site"
docker exec docker-site-1 nginx -s reload
