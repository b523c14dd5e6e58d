# Functions for the scripts of shapes, put before each of them. $user is the login user.

goes_by() { # add the lines on standard input to the team's variables and functions
    mkdir -p /etc/lab
    cat >>/etc/lab/team.sh
    . /etc/lab/team.sh
}
change() { # clone the stack's repository, and enter the clone to change it
    rm -rf /tmp/clone
    git clone -q --no-hardlinks "$origin" /tmp/clone
    cd /tmp/clone
}
commit() { # commit MESSAGE: commit the changes in the clone, rebase the bad commits of the scenarios onto it, and deploy it
    before=$(git rev-parse HEAD)
    git add --all
    git commit -q -m "$1"
    git push -q origin main
    for bad in $(git ls-remote "$origin" 'refs/lab/*' | cut -f 2); do
        git fetch -q origin "$bad"
        git checkout -q FETCH_HEAD
        git rebase -q --onto main "$before" >/dev/null
        git push -q --force origin "HEAD:$bad"
    done
    cd "$tree"
    git pull -q
    rm -rf /tmp/clone
}
said() { # said COMMAND…: run a command, and show its output only if it fails
    "$@" >/tmp/said 2>&1 || { tail -n 5 /tmp/said >&2; exit 1; }
}
start() { # build and start the stack from its files, and connect its proxy to the networks of other stacks
    said compose build
    said compose up -d $scale
    docker inspect "$project-caddy-1" >/dev/null 2>&1 || return 0
    for network in n8n_default nocodb_default langfuse_default; do
        docker inspect --format '{{json .NetworkSettings.Networks}}' "$project-caddy-1" | grep -q "\"$network\"" ||
            docker network connect "$network" "$project-caddy-1"
    done
}
laid_over() { # laid_over IMAGE [NAME [LINE]]: build NAME from IMAGE, the copied files, and LINE of a Dockerfile
    printf 'FROM %s\nCOPY . /\n%s\n' "$1" "${3-}" >/tmp/Dockerfile
    said docker build -q -f /tmp/Dockerfile -t "${2-$1}" /tmp/files
    rm -r /tmp/files
}
restored_on() { # restored_on IMAGE: move the voice database to a server of that image
    cd /opt/voice
    newest=$(ls /backup/voice-*.sql | tail -n 1)
    sed '/^SET transaction_timeout/d' "$newest" >initdb/voice.sql # Postgres 15 does not know this setting
    said docker compose rm --stop --force
    said docker volume rm voice_postgres_data
    sed -i "s/postgres:17/$1/" docker-compose.yml
    said docker compose up -d
    until docker exec voice-postgres-1 pg_isready -q -h 127.0.0.1 -U dyniq -d dyniq; do sleep 0.1; done
    docker exec voice-postgres-1 pg_dump -U dyniq dyniq >"$newest"
}
