#!/bin/sh
# A bad image: a commit that answers every health check with 500 is built, pushed and deployed from the registry.
set -eu
git -C "$origin" update-ref refs/heads/main refs/lab/code
cd "$tree"
git pull -q
# These commands are what the build server does.
image=localhost:5000/dyniq/agents-api
docker build -q -f agents_api/Dockerfile -t "$image:$(git rev-parse HEAD)" -t "$image:latest" . >/dev/null
docker push -q --all-tags "$image" >/dev/null
docker rmi "$image:$(git rev-parse HEAD)" "$image:latest" >/dev/null
# These commands are how the runbook deploys.
prod pull -q >/dev/null 2>&1
prod up -d $scale agents-api >/dev/null 2>&1
