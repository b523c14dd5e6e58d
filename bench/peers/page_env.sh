#!/bin/bash
# The page's own commands; a copy takes the place of the editor, in no time at all.
set -e
ssh contabo "cp /opt/dyniq-voice/.env.bak /opt/dyniq-voice/.env"
ssh contabo "cd /opt/dyniq-voice/docker && \
docker compose up -d --force-recreate agents-api" >/dev/null 2>&1
ssh contabo "docker exec docker-agents-api-1 env | grep MODEL" >/dev/null
until curl -fs https://agents-api.dyniq.ai/health >/dev/null; do sleep 0.1; done
