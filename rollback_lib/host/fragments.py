"""Pieces of shell that jobs and the lock share: how a job is, how one is ended, and how a lease is renewed."""

# state JOB: ended STATUS, running, lost (something killed it), or never (it was not begun).
STATE = r"""
state() {
    if [ -e "$1/exit" ]; then echo "ended" $(cat "$1/exit")
    elif ! flock -ns "$1/alive" true; then echo running
    elif [ -e "$1/begun" ]; then echo lost
    else echo never; fi
}
"""

# end_job JOB SECONDS: tell it and its children to end, and kill what does not in that time. It may have ended by itself by now.
END = r"""
end_job() {
    pid=$(($(cat "$1/pid")))
    kill -TERM $pid 2>/dev/null || true # it may have ended by itself
    flock -s -w "$2" "$1/alive" true || { kill -s KILL -- -$pid; flock -s -w "$2" "$1/alive" true; }
}
"""

# renew LOCK INCIDENT SECONDS: the holder's lease ends so many seconds from now; its owner stays. Under the mutex only.
RENEW = r"""
renew() {
    { echo "$2"; echo $(($(date +%s) + $3)); sed -n '3,$p' "$1/holder"; } >"$1/holder.part"
    mv "$1/holder.part" "$1/holder"
}
"""
