# What these stacks are made with; stands before each script. What was brought lies in /opt/brought.
umask 022
said() { # said COMMAND…: what it says is shown only when it fails
    "$@" >/tmp/said 2>&1 || { tail -n 5 /tmp/said >&2; exit 1; }
}
password() { od -An -N12 -tx1 /dev/urandom | tr -d ' \n'; }
app() { # app FOLDER [broken]: the program, with its Dockerfile
    mkdir -p "$1"
    cp /opt/brought/app.py "$1/app.py"
    [ -z "${2-}" ] || sed -i 's/^BROKEN = False/BROKEN = True/' "$1/app.py"
    printf 'FROM python:3.13-slim\nCOPY app.py /\nCMD ["python3", "/app.py"]\n' >"$1/Dockerfile"
}
pushed() { # pushed NAME TAG [broken]: an image of the program, in the registry and not on the host
    rm -rf /tmp/app
    app /tmp/app "${3-}"
    echo "LABEL built=\"$1 $2\"" >>/tmp/app/Dockerfile
    said docker build -q -t "localhost:5000/$1:$2" /tmp/app
    said docker push -q "localhost:5000/$1:$2"
    said docker rmi "localhost:5000/$1:$2"
}
eventually() { # eventually COMMAND…: until it succeeds, for 30 s at most
    tries=0
    until "$@" >/tmp/said 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 150 ] || { tail -n 3 /tmp/said >&2; echo "$* did not come up" >&2; exit 1; }
        sleep 0.2
    done
}
alone() { (cd /opt/dyniq-voice/docker && docker compose down) >/dev/null 2>&1; } # the port is free for others
erp() { # compose for erp, as its operators call it: by variables and options, from nowhere in particular
    said env COMPOSE_FILE=/srv/deploy/compose.yaml:/srv/deploy/overrides/noproxy.yaml \
        docker compose --project-directory /srv/erp --project-name erp_one --env-file /root/gitops/erp-one.env "$@"
}
