#!/bin/sh
# A bad deploy of everything at once: a commit that answers every health check with 500 and, if there is a proxy, has a bad Caddyfile; and
# an edited .env.
set -eu
commit=refs/lab/code
if git -C "$origin" rev-parse --quiet --verify refs/lab/caddyfile >/dev/null; then
    both=$(git -C "$origin" merge-tree --write-tree refs/lab/code refs/lab/caddyfile)
    commit=$(git -C "$origin" commit-tree -p refs/heads/main -m "Streaming answers, on a port of their own" "$both")
fi
git -C "$origin" update-ref refs/heads/main "$commit"
cd "$tree"
git pull -q
sed -i "$mistype" .env
echo 'STREAM_URL="https://stream.dyniq.example/v1"' >>.env
compose build -q $services >/dev/null 2>&1
compose up -d --force-recreate $scale $services >/dev/null 2>&1
[ "$commit" = refs/lab/code ] || docker restart "$project-caddy-1" >/dev/null
