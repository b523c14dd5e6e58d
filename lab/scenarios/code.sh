#!/bin/sh
# A bad code deploy: a commit that answers every health check with 500 arrives and is deployed as the team deploys.
set -eu
git -C /srv/git/dyniq-voice.git update-ref refs/heads/main refs/lab/code
cd /opt/dyniq-voice
git pull -q
cd docker
docker compose build -q agents-api >/dev/null 2>&1
docker compose up -d agents-api >/dev/null 2>&1
