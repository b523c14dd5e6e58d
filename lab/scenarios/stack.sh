#!/bin/sh
# The stack has lost its network, as after a clean-up that went too far: the proxy finds no service, and restarts do not help.
set -eu
for container in docker-agents-api-1 docker-ruben-api-1 docker-caddy-1; do
    docker network disconnect --force docker_default "$container"
done
docker network disconnect n8n_default docker-caddy-1
docker restart docker-caddy-1 >/dev/null
