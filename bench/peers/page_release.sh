#!/bin/bash
# The page's own commands, one procedure after the other, by somebody who knows that all three are needed. Its first brings back the
# Caddyfile, too; a copy of the env file ($1) takes the place of the editor, in no time at all; one build and one new container serve both.
set -e
ssh contabo "cd /opt/dyniq-voice && git log --oneline -10" >/dev/null
ssh contabo "cd /opt/dyniq-voice && git checkout -q HEAD~1 ."
ssh contabo "cp $1 /opt/dyniq-voice/.env"
ssh contabo "cd /opt/dyniq-voice/docker && \
docker compose build agents-api && \
docker compose up -d agents-api --force-recreate" >/dev/null 2>&1
ssh contabo "docker exec docker-agents-api-1 env | grep MODEL" >/dev/null
ssh contabo "docker restart docker-caddy-1" >/dev/null
until curl -fs https://agents-api.dyniq.ai/health >/dev/null; do sleep 0.1; done
until curl -fs https://ruben-api.dyniq.ai/health >/dev/null; do sleep 0.1; done
