#!/bin/bash
# The page's own commands, with the commit that is meant: the one before the last does not have another Caddyfile.
set -e
ssh contabo "cd /opt/dyniq-voice/docker && git checkout -q HEAD~2 Caddyfile"
ssh contabo "docker restart docker-caddy-1" >/dev/null
until curl -fs https://agents-api.dyniq.ai/health >/dev/null; do sleep 0.1; done
until curl -fs https://ruben-api.dyniq.ai/health >/dev/null; do sleep 0.1; done
