# Compose 2.40, and a buildx by which it can build.
cp -a /tmp/files/usr/. /usr/
docker compose version --short | grep -q '^2\.40\.'
