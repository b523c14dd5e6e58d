#!/bin/sh
# A bad image: a commit that answers every health check with 500 is built, pushed and deployed from the registry.
set -eu
git -C /srv/git/dyniq-voice.git update-ref refs/heads/main refs/lab/code
cd /opt/dyniq-voice
git pull -q
# What the build server does.
image=localhost:5000/dyniq/agents-api
docker build -q -f agents_api/Dockerfile -t "$image:$(git rev-parse HEAD)" -t "$image:latest" . >/dev/null
docker push -q --all-tags "$image" >/dev/null
docker rmi "$image:$(git rev-parse HEAD)" "$image:latest" >/dev/null
# What the page says to do for a deploy.
cd docker
docker compose -f docker-compose.yml -f docker-compose.prod.yml pull -q >/dev/null 2>&1
docker compose -f docker-compose.yml -f docker-compose.prod.yml up -d agents-api >/dev/null 2>&1
