"""The lock of a stack, kept on its host. One run at a time holds it, with an owner, a reason and a lease that it renews.

The file STATE/lock/holder has three lines: the incident, the time at which its lease ends (in seconds, by the host's clock), and the
owner as JSON. It is read and replaced, always as a whole, under `flock` of STATE/lock/mutex. A holder is stale when its lease has
ended and none of its jobs runs. So a long step keeps the lock even when the run that started it is gone.

For those who follow a run (following.py), its holder leaves two files in STATE/jobs/INCIDENT/: its plan when it takes the lock, and how
it ended when it releases it. Neither is needed by a run, so none fails for want of room for them.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum

from rollback_lib.commands.command import Command
from rollback_lib.host.approvals import ADMIT, USE, Permit
from rollback_lib.host.snippets import END, PLACE, RENEW, STATE
from rollback_lib.secrets.secret import Secret

LEASE = 60  # seconds
PLAN, ENDED = "plan.json", "ended.json"  # in the folder of the incident's jobs
RENEWAL = 20.0  # seconds between renewals

# $holder is empty while the lock is free.
_MUTEX = r"""
set -eu; umask 007; lock=$1/lock incident=$2
exec 8>>"$lock/mutex"; flock -w 10 8
holder=; [ ! -e "$lock/holder" ] || holder=$(sed -n 1p "$lock/holder")
"""

# busy FOLDER: the names of the jobs of an incident that still run.
_BUSY = r"""
busy() {
    for job in "$1"/*/; do
        if [ -e "$job/alive" ] && [ "$(state "$job")" = running ]; then basename "$job"; fi
    done
}
"""

_LOOK = (
    STATE
    + _BUSY
    + r"""
date +%s
[ -e "$1/lock/holder" ] || exit 0
cat "$1/lock/holder"
busy "$1/jobs/$(sed -n 1p "$1/lock/holder")"
"""
)

_TAKE = (
    STATE
    + END
    + _BUSY
    + PLACE
    + ADMIT
    + USE
    + """set -eu; umask 007; place "$1"; mkdir -p "$1/lock" "$1/jobs"; """
    + _MUTEX
    + r"""
admit "$1" "$2" "$6" "$7" "$8" "$9"
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
    new=$(head -c 64)
    [ -s "$key" ] || { printf %s "$new" >"$key.part"; mv "$key.part" "$key"; }
    rm -f "$1/jobs/$2/ended.json"
    plan=$1/jobs/$2/plan.json
    [ "${10}" -eq 0 ] || { head -c "${10}" >"$plan.part" && mv "$plan.part" "$plan"; } 2>/dev/null || rm -f "$plan.part"
    { echo "$incident"; echo $((now + lease)); printf '%s\n' "$owner"; } >"$lock/holder.part"
    mv "$lock/holder.part" "$lock/holder"
    use "$1" "$2" "$7"
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

_RELEASE = (
    _MUTEX
    + r"""
[ "$holder" = "$incident" ] || exit 0
ended=$1/jobs/$2/ended.json
[ -z "$3" ] || { printf '%s\n' "$3" >"$ended.part" && mv "$ended.part" "$ended"; } 2>/dev/null || rm -f "$ended.part"
echo "$incident" >"$lock/last"; rm -f "$lock/holder"
"""
)


class Taking(StrEnum):
    """What came of taking the lock. EXPIRED: it was taken from a stale holder. TAKEN_OVER: from an active one. HELD: it was not taken."""

    TAKEN = "taken"
    EXPIRED = "expired"
    TAKEN_OVER = "taken-over"
    HELD = "held"


@dataclass(frozen=True)
class Owner:
    """Who holds the lock of a stack, for which procedure and why, and since when (ISO 8601)."""

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
    """The host's answer to `take`.

    `key` is the key for this incident's hashes of secrets. `last` is the incident that released the lock last, "" if none did.
    `other` is another holder that was found, `until` the end of its lease, and `running` the names of its jobs that still ran.
    """

    how: Taking
    key: Secret
    last: str = ""
    other: Owner | None = None
    until: datetime | None = None
    running: tuple[str, ...] = ()


def take(state: str, owner: Owner, *, take_over: bool, permit: Permit = Permit(), plan: int = 0) -> Command:  # noqa: B008 – frozen
    """A command that takes the lock if it is free, stale, or held by this incident already. It exits with NOT_ADMITTED, and says why, when
    the incident may not begin with this permit.

    With `take_over` it also takes the lock from an active holder, and ends the holder's jobs. It reads 64 hex digits from standard
    input, a new key for the hashes of this incident; a key that the incident has on the host already is kept. After that it reads the
    incident's plan for those who follow it, so many bytes.
    """
    given = (state, owner.incident, str(LEASE), json.dumps(asdict(owner)), "yes" if take_over else "no")
    words = (*given, *permit.words, str(plan))
    return Command.of("sh", "-c", _TAKE, "sh", *words)


def read_taken(out: str, err: str) -> Taken:
    """Read what `take` printed. Raises ValueError for any other text."""
    first, _, key = out.strip().partition("\n")
    how, _, last = first.partition(" ")
    known = Secret(bytes.fromhex(key))
    lines = err.splitlines()
    if not lines:
        return Taken(Taking(how), known, last)
    other = Owner(**json.loads(lines[1]))
    return Taken(Taking(how), known, last, other, datetime.fromtimestamp(int(lines[0]), UTC), tuple(lines[2:]))


def look(state: str) -> Command:
    """A command that prints the host's time, the holder of the lock, and the names of its jobs that run. It changes nothing."""
    return Command.of("sh", "-euc", _LOOK, "sh", state)


def read_holder(out: str) -> Owner | None:
    """Read what `look` printed: who holds the lock; None if it is free or its holder is stale.

    Raises ValueError or LookupError for any other text.
    """
    now, *lines = out.splitlines()
    if not lines:
        return None
    _, until, owner, *running = lines
    return Owner(**json.loads(owner)) if int(until) > int(now) or running else None


def renew(state: str, incident: str) -> Command:
    """A command that renews the lease of this incident. It exits with 3 when the incident no longer holds the lock."""
    return Command.of("sh", "-c", _RENEW, "sh", state, incident, str(LEASE))


def release(state: str, incident: str, ended: str = "") -> Command:
    """A command that releases the lock if this incident holds it. `ended` says in a line of JSON how its run ended, for those who follow
    it; "" where it has not."""
    return Command.of("sh", "-c", _RELEASE, "sh", state, incident, ended)
