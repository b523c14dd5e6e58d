#!/bin/bash
# The page's own commands, and health at their end.
set -e
ssh contabo "cd /opt/dyniq-voice/docker && docker compose down && docker compose up -d --build" >/dev/null 2>&1
ssh contabo "docker network connect n8n_default docker-caddy-1; docker network connect nocodb_default docker-caddy-1; \
docker network connect langfuse_default docker-caddy-1; docker restart docker-caddy-1" >/dev/null
until curl -fs https://agents-api.dyniq.ai/health >/dev/null; do sleep 0.1; done
until curl -fs https://ruben-api.dyniq.ai/health >/dev/null; do sleep 0.1; done
