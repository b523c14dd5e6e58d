#!/bin/sh
# A bad Caddyfile: a commit sends agents-api to a port where nothing listens; a later commit does not touch the file.
set -eu
git -C /srv/git/dyniq-voice.git update-ref refs/heads/main refs/lab/caddyfile
cd /opt/dyniq-voice
git pull -q
docker restart docker-caddy-1 >/dev/null
