#!/bin/sh
# A bad Caddyfile: a commit sends agents-api to a port where nothing listens; a later commit does not touch the file.
set -eu
git -C "$origin" update-ref refs/heads/main refs/lab/caddyfile
cd "$tree"
git pull -q
docker restart "$project-caddy-1" >/dev/null
