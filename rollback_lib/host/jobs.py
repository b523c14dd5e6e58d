"""Detached jobs on the host: what changes it runs there on its own, so that a lost connection neither ends it nor starts it twice.

A job is a folder, STATE/jobs/INCIDENT/STEP/:

    script   what runs                 out    what it says, both streams
    alive    locked (flock) by the job and its children as long as one of them lives
    begun    the second it began; synced before the script's first command
    runner   process id of the shell that watches it        pid   of its own, the first of its group
    exit     how it ended, written elsewhere and moved here: it is there whole or not at all

A job that was told to end before it had begun leaves an empty file beside, .STEP.ended, and is never started.

So a job is ended when `exit` is there; running while `alive` is locked; lost, when neither: something killed it. Needs
setsid, flock (util-linux, busybox), timeout, tail --pid (GNU coreutils) there.
"""

from dataclasses import dataclass
from enum import StrEnum

from rollback_lib.commands.command import Command
from rollback_lib.host.ending import Ending, Kind
from rollback_lib.host.snippets import END, GRACE, RENEW, STATE, WATCH, own_end
from rollback_lib.secrets.secret import Secret

# Each file is made before, with its space on the disk, and moved when it is filled: a disk that runs full meanwhile costs us
# neither the end nor the knowledge that the job had begun.
_RUN = (
    WATCH
    + r"""
put() { printf '%10d\n' "$2" 1<>"$1.part" && mv "$1.part" "$1"; }
put runner $$ && put begun "$(date +%s)" && sync begun . || exit 1
exec 3<>exit.part 4<in >out 2>&1; rm -f in
begin "$3. ./script"
put pid "$pid"
await "$1" "$2" '' >&3
trap '' ALRM
mv exit.part exit; sync exit .
"""
)

# The folder is made under another name and moved: whoever moves it starts the job. A job that never began may be started again.
_START = (
    STATE
    + RENEW
    + r"""
set -eu; umask 007
state=$1 incident=$2 dir=$1/jobs/$2/$3 size=$4 input=$5 deadline=$6 offset=$7 lease=$8 grace=$9 run=${10} own_end=${11}
part=$1/jobs/$2/.$3.$$
trap 'rm -rf "$part"' EXIT
if ! [ -d "$dir" ] || [ "$(state "$dir")" = never ]; then
    mkdir -p "$part"
    exec 9>"$part/alive"; flock 9
    head -c "$size" >"$part/script"; head -c "$input" >"$part/in"; : >"$part/out"
    for file in runner begun pid exit; do printf '%30s\n' '' >"$part/$file.part"; done
    if [ "$(wc -c <"$part/script")" -ne "$size" ] || [ "$(wc -c <"$part/in")" -ne "$input" ]; then
        echo "cut short" >&2; exit 0
    fi
fi
exec 8>>"$state/lock/mutex"; flock 8
if [ "$(sed -n 1p "$state/lock/holder" 2>/dev/null)" != "$incident" ]; then echo "not ours" >&2; exit 0; fi
if [ -e "$1/jobs/$2/.$3.ended" ]; then echo "told to end" >&2; exit 0; fi
renew "$state/lock" "$incident" "$lease"
if [ -d "$dir" ] && [ -d "$part" ] && [ "$(state "$dir")" = never ]; then rm -rf "$dir"; fi
if [ -d "$part" ] && ! [ -d "$dir" ]; then
    mv -T "$part" "$dir"
    cd "$dir"
    setsid timeout -s ALRM "$deadline" sh -c "$run" sh "$deadline" "$grace" "$own_end" </dev/null >/dev/null 2>&1 8>&- &
fi
exec 9>&- 8>&-
"""
)

# A child whose shell was killed continues: the job is lost only when the last of them has ended.
_FOLLOW = r"""
cd "$dir"
until [ -s runner ] || [ -e exit ] || flock -ns alive true; do sleep 0.01; done
if [ -e exit ] || flock -ns alive true; then tail -c "+$((offset + 1))" out
else
    tail -s 0.02 -c "+$((offset + 1))" --pid=$(($(cat runner))) -f out
    [ -e exit ] || flock -s alive true
fi
echo "$(wc -c <out) $(state "$dir")" >&2
"""

_LOOK = r"""
echo "0 $(state "$dir")" >&2
"""

_STATES = (
    STATE
    + r"""
for dir in "$1/jobs/$2"/*/; do
    [ -e "$dir/alive" ] || continue
    dir=${dir%/}; echo "${dir##*/} $(state "$dir")"
done
"""
)

_END = (
    STATE
    + END
    + r"""
umask 007
dir=$1/jobs/$2/$3
mkdir -p "$1/jobs/$2"
exec 8>>"$1/lock/mutex"; flock 8 # nothing starts it meanwhile
[ "$(state "$dir")" != never ] || : >"$1/jobs/$2/.$3.ended"
exec 8>&-
[ "$(state "$dir")" = running ] || exit 0
until [ -s "$dir/pid" ] || [ "$(state "$dir")" != running ]; do sleep 0.01; done
end_job "$dir" "$4"
"""
)


class JobState(StrEnum):
    """What is known of a job. LOST: it was killed, and how far it came is not known. NEVER: it was not begun."""

    ENDED = "ended"
    RUNNING = "running"
    LOST = "lost"
    NEVER = "never"


@dataclass(frozen=True)
class Job:
    """A step as it runs on the host: `state` is the stack's folder there, `name` that of the step, `deadline` in seconds.

    `send` is what its script reads from its standard input.
    """

    state: str
    incident: str
    name: str
    script: str
    deadline: float
    send: Secret | None = None

    @property
    def folder(self) -> str:
        """Where it is kept on the host."""
        return f"{self.state}/jobs/{self.incident}/{self.name}"

    def start(self, offset: int, lease: int, *, follow: bool = True) -> tuple[str, Secret]:
        """The script that starts the job, unless it was started, renews the lock for `lease` seconds, and, to `follow` it,
        prints its output from the byte `offset` on until it has ended; and what that script reads. Its last line on standard
        error is the size of that output and the job's state, or says that the lock is not ours."""
        sent = self.send.reveal() if self.send else b""
        size, deadline = str(len(self.script.encode())), f"{self.deadline:.10g}"
        words = (self.state, self.incident, self.name, size, str(len(sent)), deadline, str(offset), str(lease), str(GRACE), _RUN)
        return _call(_START + (_FOLLOW if follow else _LOOK), *words, own_end("", 3)), Secret(self.script.encode() + sent)

    def end(self) -> str:
        """The script that ends the job with all its children."""
        return _call(_END, self.state, self.incident, self.name, str(2 * GRACE))


def states(state: str, incident: str) -> Command:
    """The command that prints a line for each job of the incident: its name and state."""
    return Command.of("sh", "-euc", _STATES, "sh", state, incident)


def read_states(out: str) -> dict[str, tuple[JobState, Ending | None]]:
    """The jobs by name, with state and ending."""
    found = {}
    for line in out.splitlines():
        name, _, words = line.partition(" ")
        found[name] = read_state(words)
    return found


def read_state(words: str) -> tuple[JobState, Ending | None]:
    """A job's state, and how it ended if it has, from a line of the host. Raises ValueError for anything else."""
    word, _, marks = words.strip().partition(" ")
    state = JobState(word)
    if state is JobState.ENDED:
        return state, Ending.read(marks)
    if marks:
        raise ValueError(f"not a state of a job: {words[:80]!r}")
    return state, Ending(Kind.LOST) if state is JobState.LOST else None


def _call(script: str, *words: str) -> str:
    return Command.of("sh", "-c", script, "sh", *words).shell()
