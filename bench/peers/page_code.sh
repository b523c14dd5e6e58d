#!/bin/bash
# The page's own commands. Its last one asks once; here it asks until the answer is good, as a person would.
set -e
ssh contabo "cd /opt/dyniq-voice && git log --oneline -10" >/dev/null
ssh contabo "cd /opt/dyniq-voice && git checkout -q HEAD~1 ."
ssh contabo "cd /opt/dyniq-voice/docker && \
docker compose build agents-api && \
docker compose up -d agents-api --force-recreate" >/dev/null 2>&1
until curl -fs https://agents-api.dyniq.ai/health >/dev/null; do sleep 0.1; done
