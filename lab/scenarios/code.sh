#!/bin/sh
# A bad code deploy: a commit that answers every health check with 500 arrives and is deployed as the team deploys.
set -eu
git -C /srv/git/dyniq-voice.git update-ref refs/heads/main refs/lab/code
cd /opt/dyniq-voice
git pull -q
cd docker
docker compose build -q agents-api >/dev/null 2>&1
docker compose up -d agents-api >/dev/null 2>&1
# Broken means that the new container answers, and badly.
for _ in $(seq 100); do
    [ "$(curl -sk -o /dev/null -w '%{http_code}' --connect-to ::127.0.0.1: https://agents-api.dyniq.ai/health)" != 500 ] || exit 0
    sleep 0.1
done
echo "agents-api does not answer 500" >&2
exit 1
