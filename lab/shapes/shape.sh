# What shapes are made with; stands before each of them. $user is who logs in.

goes_by() { # the team goes by what is read here from now on
    mkdir -p /etc/lab
    cat >>/etc/lab/team.sh
    . /etc/lab/team.sh
}
change() { # a clone of the stack's repository, to be changed
    rm -rf /tmp/clone
    git clone -q --no-hardlinks "$origin" /tmp/clone
    cd /tmp/clone
}
commit() { # commit MESSAGE: what was changed in the clone, deployed; the bad commits that wait stand on it
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
said() { # said COMMAND…: what it says is shown only when it fails
    "$@" >/tmp/said 2>&1 || { tail -n 5 /tmp/said >&2; exit 1; }
}
start() { # the stack as its files have it now, with the networks of others that its proxy needs
    said compose build
    said compose up -d $scale
    docker inspect "$project-caddy-1" >/dev/null 2>&1 || return 0
    for network in n8n_default nocodb_default langfuse_default; do
        docker inspect --format '{{json .NetworkSettings.Networks}}' "$project-caddy-1" | grep -q "\"$network\"" ||
            docker network connect "$network" "$project-caddy-1"
    done
}
laid_over() { # laid_over IMAGE [NAME [LINE]]: the image with the files that were brought, by another name, with one more line of its Dockerfile
    printf 'FROM %s\nCOPY . /\n%s\n' "$1" "${3-}" >/tmp/Dockerfile
    said docker build -q -f /tmp/Dockerfile -t "${2-$1}" /tmp/files
    rm -r /tmp/files
}
restored_on() { # restored_on IMAGE: the voice database on a server of that image
    cd /opt/voice
    newest=$(ls /backup/voice-*.sql | tail -n 1)
    sed '/^SET transaction_timeout/d' "$newest" >initdb/voice.sql # which 15 does not know
    said docker compose rm --stop --force
    said docker volume rm voice_postgres_data
    sed -i "s/postgres:17/$1/" docker-compose.yml
    said docker compose up -d
    until docker exec voice-postgres-1 pg_isready -q -h 127.0.0.1 -U dyniq -d dyniq; do sleep 0.1; done
    docker exec voice-postgres-1 pg_dump -U dyniq dyniq >"$newest"
}
