"""Pieces of shell that are used in several places: how a command is watched, how a job is and is ended, how the stack's folder is made,
how a lease is renewed."""

GRACE = 5  # seconds: an overdue script and its children are told to end, and killed this much later

# For a shell that `timeout -s ALRM` runs: by that signal alone it knows that the time is up.
# begin SCRIPT: start it in a session of its own; it reads from descriptor 4. await SECONDS GRACE MARK: wait for its end, and say
# on a line, after MARK, "deadline SECONDS" or the status. Above 128 that may be an exit or a signal: `own_end` tells which.
WATCH = r"""
begin() {
    pid='' overdue=''
    trap 'overdue=yes; [ -z "$pid" ] || kill -TERM "-$pid" 2>/dev/null' ALRM
    setsid sh -c "$1" <&4 4<&- &
    pid=$!
    [ -z "$overdue" ] || kill -TERM "-$pid" 2>/dev/null
}
gone() {
    tries=0
    while kill -0 "-$pid" 2>/dev/null; do
        [ "$tries" -lt $(($1 * 10)) ] || return 1
        tries=$((tries + 1)); sleep 0.1
    done
}
await() {
    wait "$pid" 2>/dev/null; ended=$?
    if [ -n "$overdue" ]; then
        ended="deadline $1"
        { gone "$2" || { kill -KILL "-$pid"; gone "$2"; }; } 2>/dev/null # where a shell says how it found its child
    fi
    printf "$3%s\n" "$ended"
}
"""


def own_end(mark: str, descriptor: int) -> str:
    """What goes before a script that is watched: when it exits with more than 128, its shell says so first, on a line after `mark`.
    One that a signal ends says nothing."""
    return f"""trap '[ $? -le 128 ] || printf "{mark}exited\\n" >&{descriptor}' EXIT\n"""


# state JOB: ended and how (Ending.read), running, lost (something killed it), or never (it was not begun).
STATE = r"""
state() {
    if [ -e "$1/exit" ]; then echo "ended" $(cat "$1/exit")
    elif [ ! -e "$1/alive" ]; then echo never
    elif ! flock -ns "$1/alive" true; then echo running
    elif [ -e "$1/begun" ]; then echo lost
    else echo never; fi
}
"""

# end_job JOB SECONDS: tell it and its children to end, and kill what does not in that time. It may have ended by itself by now.
END = r"""
end_job() {
    pid=$(($(cat "$1/pid")))
    kill -TERM -$pid 2>/dev/null || true # it may have ended by itself
    flock -s -w "$2" "$1/alive" true || { kill -KILL -$pid; flock -s -w "$2" "$1/alive" true; }
}
"""

# known PATH: whether we may see what is there. seen PATH: whether there is something that can be read, or nothing; where that is not
# known, or may not be read, the script fails.
SEEN = r"""
known() {
    up=${1%/*}
    until [ -d "${up:-/}" ]; do up=${up%/*}; done
    [ -x "${up:-/}" ]
}
seen() {
    if [ -e "$1" ]; then
        [ -r "$1" ] && { [ ! -d "$1" ] || [ -x "$1" ]; } && return 0
        echo "$(id -un) may not read $1" >&2; exit 1
    fi
    known "$1" || { echo "$(id -un) may not look into $up" >&2; exit 1; }
    return 1
}
"""

# place STATE: make the stack's folder, unless it is there, for all who may use Docker: its group is that of Docker's socket. What root
# makes in a folder of somebody else belongs to that one. It is made under another name and moved, so that it is there whole.
PLACE = r"""
place() {
    [ ! -d "$1" ] || return 0
    (umask 022; above "${1%/*}")
    mkdir -m 700 "$1.$$"; as_above "$1.$$"
    socket=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || socket=
    ! chgrp "$(stat -Lc %g "${socket#unix://}" 2>/dev/null || id -g)" "$1.$$" 2>/dev/null || chmod 2770 "$1.$$"
    mv -T "$1.$$" "$1" 2>/dev/null || { rmdir "$1.$$"; [ -d "$1" ]; }
}
above() {
    [ ! -d "$1" ] || return 0
    above "${1%/*}"
    mkdir "$1"; as_above "$1"
}
as_above() { [ "$(id -u)" -ne 0 ] || chown --reference="${1%/*}" "$1"; }
"""

# renew LOCK INCIDENT SECONDS: the holder's lease ends so many seconds from now; its owner stays. Under the mutex only.
RENEW = r"""
renew() {
    { echo "$2"; echo $(($(date +%s) + $3)); sed -n '3,$p' "$1/holder"; } >"$1/holder.part"
    mv "$1/holder.part" "$1/holder"
}
"""
