#!/bin/sh
# Runs inside the practice host, once: makes the whole stack of the runbook from this folder. Prints one line per stage.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
root=/opt/dyniq-voice
origin=/srv/git/dyniq-voice.git
stage() { echo "stage: $*"; }
password() { od -An -N18 -tx1 /dev/urandom | tr -d ' \n'; }
at() { date -u -d "$1 hours ago" +%Y-%m-%dT%H:%M:%SZ; }
eventually() { # eventually WHAT COMMAND…: until it succeeds, for 60 s at most
    what=$1 tries=0
    shift
    until "$@" >/tmp/seed.log 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || { tail -n 3 /tmp/seed.log >&2; echo "$what did not come up" >&2; exit 1; }
        sleep 0.2
    done
}
quietly() { "$@" >/tmp/seed.log 2>&1 || { tail -n 3 /tmp/seed.log >&2; exit 1; }; }
dated() { when=$(at "$1"); shift; GIT_AUTHOR_DATE=$when GIT_COMMITTER_DATE=$when "$@"; }

git config --global user.name "Voice Stack"
git config --global user.email "voice-stack@dyniq.example"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
git config --global pull.ff only

stage "history of $root"
git init -q --bare "$origin"
git clone -q "$origin" /tmp/seed 2>/dev/null
commit() { # commit FOLDER HOURS_AGO
    [ ! -f "$here/history/$1/REMOVE" ] || (cd /tmp/seed && xargs git rm -q) <"$here/history/$1/REMOVE"
    cp -a "$here/history/$1/." /tmp/seed/
    rm -f /tmp/seed/MESSAGE /tmp/seed/REMOVE
    git -C /tmp/seed add --all
    dated "$2" git -C /tmp/seed commit -q -F "$here/history/$1/MESSAGE"
}
commit 01-agents-api 480
commit 02-ruben-api 430
commit 03-production-images 360
commit 04-n8n-route 240
commit 05-smoke-test 100
git -C /tmp/seed push -q origin main
dated 98 git clone -q "$origin" "$root"

stage "databases with data"
mkdir -p /opt /backup
cp -a "$here"/stack/* /opt/
for name in voice n8n; do
    mkdir -p "/opt/$name/initdb"
    cp "$here/data/$name.sql" "/opt/$name/initdb/"
    password >"/opt/$name/password"
    chmod 600 "/opt/$name/password"
done
for name in registry voice n8n nocodb langfuse; do
    quietly docker compose --project-directory "/opt/$name" up -d
done

# Every value of .env is made here and nowhere else.
cat >"$root/.env" <<EOF
# agents-api, production
DATABASE_URL=postgresql://dyniq:$(cat /opt/voice/password)@voice-postgres-1/dyniq
MODEL=sonnet
OPENAI_API_KEY=sk-lab-$(password)
# quoted, because of the blanks
GREETING_PREFIX="Good day, "
EOF
chmod 600 "$root/.env"
cat >"$root/docker/.env" <<'EOF'
REGISTRY=localhost:5000/dyniq
MIRROR=localhost:5000/library
EOF

stage "registry with images of earlier commits"
eventually "the registry" docker push -q localhost:5000/library/caddy:2
cd "$root/docker"
release() {
    quietly docker compose build agents-api ruben-api
    sha=$(git rev-parse HEAD)
    for service in agents-api ruben-api; do
        for tag in "$sha" latest; do
            docker tag "docker-$service" "localhost:5000/dyniq/$service:$tag"
            docker push -q "localhost:5000/dyniq/$service:$tag" >/dev/null
        done
    done
}
release
commit 06-database-health 52
git -C /tmp/seed push -q origin main
dated 50 git pull -q
release
commit 07-say-model 30
git -C /tmp/seed push -q origin main
dated 26 git pull -q
release
docker image ls --format '{{.Repository}}:{{.Tag}}' | grep '^localhost:5000/dyniq/' | xargs docker rmi >/dev/null

stage "stack behind Caddy"
quietly docker compose up -d
for network in n8n_default nocodb_default langfuse_default; do
    docker network connect "$network" docker-caddy-1
done

stage "bad commits, waiting to be deployed"
git -C /tmp/seed switch -q -c bad
commit bad-streaming 1
git -C /tmp/seed push -q origin bad:refs/lab/code
git -C /tmp/seed switch -q -c bad-route main
commit bad-route 2
commit bad-route-and-more 1
git -C /tmp/seed push -q origin bad-route:refs/lab/caddyfile
rm -rf /tmp/seed

stage "daily backups"
eventually "the voice database" docker exec voice-postgres-1 pg_isready -h 127.0.0.1 -U dyniq
eventually "the n8n database" docker exec n8n-postgres-1 pg_isready -h 127.0.0.1 -U n8n
for days in 2 1 0; do
    day=$(date -u -d "$days days ago" +%Y%m%d)
    docker exec -i voice-postgres-1 psql -X -q -U dyniq -d dyniq -c "INSERT INTO calls (agent_id, started_at, seconds)
        SELECT 1 + n % 12, now() - interval '$days days' - n * interval '1 minute', 60 FROM generate_series(1, 100) n"
    docker exec voice-postgres-1 pg_dump -U dyniq dyniq >"/backup/voice-$day.sql"
    docker exec n8n-postgres-1 pg_dump -U n8n n8n >"/backup/n8n-$day.sql"
done

stage "health"
for name in agents-api ruben-api; do
    eventually "$name" curl -fsSk --connect-to ::127.0.0.1: "https://$name.dyniq.ai/health"
done
rm -f /tmp/seed.log
stage "done"
