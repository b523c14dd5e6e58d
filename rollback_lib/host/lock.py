"""The lock of a stack on its host: one run at a time, with an owner, a reason and a lease that is renewed.

STATE/lock/holder: the incident, the second at which its lease ends (the host's clock), and the owner as one line of JSON.
All that is done to it is done under `flock` of STATE/lock/mutex, and it is replaced as a whole. A holder is stale when its
lease has ended and none of its jobs runs: a long step keeps the lock even when the run that started it is gone.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum

from rollback_lib.commands.command import Command
from rollback_lib.host.snippets import END, PLACE, RENEW, STATE
from rollback_lib.secrets.secret import Secret

LEASE = 60  # seconds
RENEWAL = 20.0  # seconds between renewals

# There is no holder while the lock is free, and nobody was last before the first.
_MUTEX = r"""
set -eu; umask 007; lock=$1/lock incident=$2
exec 8>>"$lock/mutex"; flock -w 10 8
holder=; [ ! -e "$lock/holder" ] || holder=$(sed -n 1p "$lock/holder")
"""

# Jobs of the holder that still run: their names.
_BUSY = r"""
busy() {
    for job in "$1"/*/; do
        if [ -e "$job/alive" ] && [ "$(state "$job")" = running ]; then basename "$job"; fi
    done
}
"""

_TAKE = (
    STATE
    + END
    + _BUSY
    + PLACE
    + """set -eu; umask 007; place "$1"; mkdir -p "$1/lock" "$1/jobs"; """
    + _MUTEX
    + r"""
lease=$3 owner=$4 force=$5 how=taken now=$(date +%s)
if [ -n "$holder" ] && [ "$holder" != "$incident" ]; then
    until=$(sed -n 2p "$lock/holder") running=$(busy "$1/jobs/$holder")
    if [ "$until" -le "$now" ] && [ -z "$running" ]; then how=expired
    elif [ "$force" = yes ]; then
        how=taken-over
        for job in $running; do
            end_job "$1/jobs/$holder/$job" 10
        done
    else how=held; fi
    sed -n '2,$p' "$lock/holder" >&2
    [ -z "$running" ] || echo "$running" >&2
fi
key=$1/jobs/$2/key
if [ "$how" != held ]; then
    # The key of this incident's hashes stays on the host, for a run that resumes it.
    mkdir -p "$1/jobs/$2"
    [ -s "$key" ] || { head -c 64 >"$key.part"; mv "$key.part" "$key"; }
    { echo "$incident"; echo $((now + lease)); printf '%s\n' "$owner"; } >"$lock/holder.part"
    mv "$lock/holder.part" "$lock/holder"
fi
echo "$how" "$(cat "$lock/last" 2>/dev/null || true)"
[ "$how" = held ] || cat "$key"
"""
)

_RENEW = (
    RENEW
    + _MUTEX
    + r"""
[ "$holder" = "$incident" ] || exit 3
renew "$lock" "$incident" "$3"
"""
)

_RELEASE = _MUTEX + r"""[ "$holder" != "$incident" ] || { echo "$incident" >"$lock/last"; rm -f "$lock/holder"; }"""


class Taking(StrEnum):
    """How the lock came to us, or that it did not."""

    TAKEN = "taken"
    EXPIRED = "expired"
    TAKEN_OVER = "taken-over"
    HELD = "held"


@dataclass(frozen=True)
class Owner:
    """Who holds a stack, for what, and since when (ISO 8601)."""

    incident: str
    procedure: str
    who: str
    reason: str
    since: str

    @classmethod
    def now(cls, incident: str, procedure: str, who: str, reason: str) -> "Owner":
        return cls(incident, procedure, who, reason, datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def words(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        return f"{self.who}, since {self.since[:19].replace('T', ' ')} UTC, for a rollback of {self.procedure}{why}, in {self.incident}"


@dataclass(frozen=True)
class Taken:
    """The answer of the host. `key` is that of the incident's hashes, `last` the incident that released the lock last; `other`
    is the holder found there, `until` when its lease ends or ended, `running` its jobs that were at work."""

    how: Taking
    key: Secret
    last: str = ""
    other: Owner | None = None
    until: datetime | None = None
    running: tuple[str, ...] = ()


def take(state: str, owner: Owner, *, take_over: bool) -> Command:
    """The command that takes the lock where it is free, ours already, or stale; `take_over`: also from its holder, whose
    jobs are ended. It reads 64 hex digits, the key of this run's hashes."""
    words = (state, owner.incident, str(LEASE), json.dumps(asdict(owner)), "yes" if take_over else "no")
    return Command.of("sh", "-c", _TAKE, "sh", *words)


def read_taken(out: str, err: str) -> Taken:
    """What `take` said. Raises ValueError for anything else."""
    first, _, key = out.strip().partition("\n")
    how, _, last = first.partition(" ")
    known = Secret(bytes.fromhex(key))
    lines = err.splitlines()
    if not lines:
        return Taken(Taking(how), known, last)
    other = Owner(**json.loads(lines[1]))
    return Taken(Taking(how), known, last, other, datetime.fromtimestamp(int(lines[0]), UTC), tuple(lines[2:]))


def look(state: str) -> Command:
    """The command that says what time it is there and who holds the lock, and changes nothing."""
    return Command.of("sh", "-euc", 'date +%s; [ ! -e "$1/lock/holder" ] || cat "$1/lock/holder"', "sh", state)


def read_holder(out: str) -> Owner | None:
    """Who holds the lock, of what `look` said; None where it is free, or its lease has ended. Raises ValueError, LookupError."""
    now, *lines = out.splitlines()
    return Owner(**json.loads(lines[2])) if lines and int(lines[1]) > int(now) else None


def renew(state: str, incident: str) -> Command:
    """The command that renews our lease; it exits with 3 when the lock is no longer ours."""
    return Command.of("sh", "-c", _RENEW, "sh", state, incident, str(LEASE))


def release(state: str, incident: str) -> Command:
    """The command that releases the lock, if it is ours."""
    return Command.of("sh", "-c", _RELEASE, "sh", state, incident)
