#!/bin/sh
# A bad code deploy: a commit that answers every health check with 500 arrives and is deployed as the team deploys.
set -eu
git -C "$origin" update-ref refs/heads/main refs/lab/code
cd "$tree"
git pull -q
compose build -q $services >/dev/null 2>&1
compose up -d $scale $services >/dev/null 2>&1
