#!/bin/sh
# A bad env change: someone mends .env by hand, with a copy beside it, and mistypes the database's address.
set -eu
cd "$tree"
cp -p .env .env.bak
sed -i "$mistype" .env
echo 'STREAM_URL="https://stream.dyniq.example/v1"' >>.env
compose up -d --force-recreate $scale $services >/dev/null 2>&1
