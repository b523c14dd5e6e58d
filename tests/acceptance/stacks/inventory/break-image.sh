pushed inventory v1.1 broken
cd /srv/inventory
echo 'VERSION=v1.1' >.env
said docker compose pull app worker
said docker compose up -d
