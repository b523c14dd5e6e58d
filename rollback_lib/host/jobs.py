"""Detached jobs on the host. A step that changes the host runs as a job, so that a lost connection neither ends it nor starts it twice.

A job is a folder, STATE/jobs/INCIDENT/STEP/, with these files:

    script   the script that runs
    out      its output, both streams
    alive    locked (flock) by the job and its children as long as one of them lives
    begun    the time at which it began, in seconds; synced to disk before the script's first command
    runner   the process id of the shell that watches the job
    pid      the process id of the job itself, which leads its process group
    exit     how it ended; written under another name and then moved, so that it is never there in part

A job that is told to end before it begins leaves an empty file .STEP.ended beside its folder, and is never started.

A job has ended when `exit` is there, and runs while `alive` is locked. If neither is so, something killed it, and it is lost. The
host needs setsid, flock (util-linux, busybox), timeout and tail --pid (GNU coreutils).
"""

from dataclasses import dataclass
from enum import StrEnum

from rollback_lib.commands.command import Command
from rollback_lib.host.ending import Ending, Kind
from rollback_lib.host.snippets import END, GRACE, RENEW, STATE, WATCH, own_end
from rollback_lib.secrets.secret import Secret

# Each file is made beforehand, so that its space on the disk is allocated, and moved once it is filled. Even if the disk fills up
# meanwhile, it is recorded that the job began and how it ended.
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

# The folder is made under another name and then moved. The process that moves it starts the job, so a job starts once only. A job that
# never began may be started again.
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

# When the job's shell is killed, its children continue. The job counts as lost only when the last of them has ended.
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
end_job "$dir" "$4"
"""
)


class JobState(StrEnum):
    """The state of a job. LOST: it was killed, and how far it got is not known. NEVER: it did not begin."""

    ENDED = "ended"
    RUNNING = "running"
    LOST = "lost"
    NEVER = "never"


@dataclass(frozen=True)
class Job:
    """A step as it runs on the host.

    `state` is the path of the stack's folder on the host, `name` the name of the step, `deadline` in seconds. The script reads
    `send` from its standard input.
    """

    state: str
    incident: str
    name: str
    script: str
    deadline: float
    send: Secret | None = None

    @property
    def folder(self) -> str:
        """The path of the job's folder on the host."""
        return f"{self.state}/jobs/{self.incident}/{self.name}"

    def start(self, offset: int, lease: int, *, follow: bool = True) -> tuple[str, Secret]:
        """A script that starts the job, and the text that the script reads from its standard input.

        The script renews the lock for `lease` seconds, and starts the job unless it was started before. With `follow`, it then
        prints the job's output, from byte `offset` on, until the job has ended. Its last line on standard error is the size of
        the whole output and the job's state, or says that this run does not hold the lock.
        """
        sent = self.send.reveal() if self.send else b""
        size, deadline = str(len(self.script.encode())), f"{self.deadline:.10g}"
        words = (self.state, self.incident, self.name, size, str(len(sent)), deadline, str(offset), str(lease), str(GRACE), _RUN)
        return _call(_START + (_FOLLOW if follow else _LOOK), *words, own_end("", 3)), Secret(self.script.encode() + sent)

    def end(self) -> str:
        """A script that ends the job with all its children."""
        return _call(_END, self.state, self.incident, self.name, str(2 * GRACE))


def states(state: str, incident: str) -> Command:
    """A command that prints a line for each job of the incident, with its name and state. `state` is the stack's folder on the host."""
    return Command.of("sh", "-euc", _STATES, "sh", state, incident)


def read_states(out: str) -> dict[str, tuple[JobState, Ending | None]]:
    """Read the output of `states`: the jobs by name, each with its state and how it ended. Raises ValueError for any other text."""
    found = {}
    for line in out.splitlines():
        name, _, words = line.partition(" ")
        found[name] = read_state(words)
    return found


def read_state(words: str) -> tuple[JobState, Ending | None]:
    """Read the state of a job as the host prints it, and how the job ended; None unless it has ended or is lost.

    Raises ValueError for any other text.
    """
    word, _, marks = words.strip().partition(" ")
    state = JobState(word)
    if state is JobState.ENDED:
        return state, Ending.read(marks)
    if marks:
        raise ValueError(f"not a state of a job: {words[:80]!r}")
    return state, Ending(Kind.LOST) if state is JobState.LOST else None


def _call(script: str, *words: str) -> str:
    return Command.of("sh", "-c", script, "sh", *words).shell()
