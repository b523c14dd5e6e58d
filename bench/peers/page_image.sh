#!/bin/bash
# The page's own commands, with the commit that they leave out ($1), until the answer is good.
set -e
ssh contabo "cd /opt/dyniq-voice/docker && export AGENTS_API_TAG=$1 && \
docker compose -f docker-compose.yml -f docker-compose.prod.yml pull && \
docker compose -f docker-compose.yml -f docker-compose.prod.yml up -d agents-api" >/dev/null 2>&1
until curl -fs https://agents-api.dyniq.ai/health >/dev/null; do sleep 0.1; done
