"""Shell functions that several scripts share: to watch a command, to read the state of a job and end it, to make the stack's folder, and
to renew a lease."""

GRACE = 5  # seconds between telling an overdue script and its children to end, and killing them

# For a shell that is run by `timeout -s ALRM`, whose signal tells it that the time is up.
# begin SCRIPT: start the script in a session of its own. It reads from descriptor 4.
# await SECONDS GRACE MARK: wait for the script to end. Then print a line with MARK, followed by "deadline SECONDS" or the exit status.
# A status above 128 can mean an exit or a signal. `own_end` tells them apart.
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
    """A line to put before a script that is watched. When the script exits by itself with a status above 128, its shell prints `mark`
    and "exited" to `descriptor`. When a signal ends the script, nothing is printed."""
    return f"""trap '[ $? -le 128 ] || printf "{mark}exited\\n" >&{descriptor}' EXIT\n"""


# state JOB: print "ended" and how (see Ending.read), "running", "lost" (something killed it), or "never" (it did not begin).
STATE = r"""
state() {
    if [ -e "$1/exit" ]; then echo "ended" $(cat "$1/exit")
    elif [ ! -e "$1/alive" ]; then echo never
    elif ! flock -ns "$1/alive" true; then echo running
    elif [ -e "$1/begun" ]; then echo lost
    else echo never; fi
}
"""

# end_job JOB SECONDS: tell the job and its children to end, and kill those that have not ended after so many seconds. A job that has just
# begun is waited for until its process is known. Needs `state`.
END = r"""
end_job() {
    tries=0
    until [ -s "$1/pid" ]; do
        [ "$(state "$1")" = running ] || return 0
        [ "$tries" -lt $(($2 * 100)) ] || { echo "the process of $1 is not known" >&2; return 1; }
        tries=$((tries + 1)); sleep 0.01
    done
    pid=$(($(cat "$1/pid")))
    kill -TERM -$pid 2>/dev/null || true # it may have ended by itself
    flock -s -w "$2" "$1/alive" true || { kill -KILL -$pid; flock -s -w "$2" "$1/alive" true; }
}
"""

# known PATH: whether the user may look into the folder that PATH is in.
# seen PATH: true if PATH exists and can be read, false if it does not exist. The script fails if PATH cannot be read, or if it cannot be
# told whether it exists.
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

# place STATE: make the stack's folder unless it exists. Its group is that of Docker's socket, so that all who may use Docker can use it.
# What root makes in the folder of another user belongs to that user. The folder is made under another name and moved when it is complete.
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

# renew LOCK INCIDENT SECONDS: let the lease end so many seconds from now, and keep the owner. Call it under the mutex only.
RENEW = r"""
renew() {
    { echo "$2"; echo $(($(date +%s) + $3)); sed -n '3,$p' "$1/holder"; } >"$1/holder.part"
    mv "$1/holder.part" "$1/holder"
}
"""
