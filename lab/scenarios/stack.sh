#!/bin/sh
# The stack has lost its network, as after a clean-up that went too far: the proxy finds no service, and restarts do not help.
set -eu
for container in $(docker ps --quiet --filter "network=${project}_default"); do
    docker network disconnect --force "${project}_default" "$container"
done
if docker inspect "$project-caddy-1" >/dev/null 2>&1; then
    docker network disconnect n8n_default "$project-caddy-1"
    docker restart "$project-caddy-1" >/dev/null
fi
