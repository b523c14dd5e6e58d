#!/bin/sh
# A bad env change: someone mends .env by hand, with a copy beside it, and mistypes the database's address.
set -eu
cd /opt/dyniq-voice
cp -p .env .env.bak
sed -i 's/@voice-postgres-1/@voice-postgre-1/; s/^MODEL=.*/MODEL=opus/' .env
echo 'STREAM_URL="https://stream.dyniq.example/v1"' >>.env
cd docker
docker compose up -d --force-recreate agents-api >/dev/null 2>&1
