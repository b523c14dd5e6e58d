"""What a host says of the run that holds a stack, to somebody who follows it: who it is, its jobs, their output as it comes.

It is read from the stack's folder (lock.py, jobs.py), by a script that only reads, takes no lock that a run waits for, and goes on until
its connection ends.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rollback_lib.commands.command import Command
from rollback_lib.host.ending import Ending, Kind
from rollback_lib.host.lock import ENDED, Owner
from rollback_lib.host.snippets import SEEN

PAUSE = 0.4  # seconds between two looks
PIECE = 48 * 1024  # bytes of output in one line
TAIL = 64 * 1024  # bytes of the output of a job that are shown to somebody who comes late
_LONGEST = 1024 * 1024  # bytes of a line that the script prints
_NONE = "-"
_NUMBER = re.compile(r"\d{1,11}(\.\d{1,9})?", re.ASCII)

# Prints a look after the other. A look is a line for the lock, lines for the files of the jobs of the incident that holds it, or that held
# it last, and a line that ends it. `sent` has how much of each job's output was printed, as words JOB=BYTES with blanks around each.
_WATCH = r"""
state=$1 sent=" $2 " late=$3 pause=$4 piece=$5 tail=$6 ended=$7 incident=$8 was=$8
put() {
    before=${sent%% "$1="*} after=${sent#* "$1="}
    case $sent in *" $1="*) sent="$before $1=$2 ${after#* }" ;; *) sent="$sent$1=$2 " ;; esac
}
echo
until cd "$state" 2>/dev/null; do
    printf 'lock %s 0 - -\nend\n' "$(date +%s.%N)" || exit 0
    sleep "$pause"
done
while :; do
    holder='' until='' owner='' more=''
    { read -r holder; read -r until; read -r owner; } 2>/dev/null <lock/holder
    incident=${holder:-$incident}
    [ "$incident" = "$was" ] || sent=' ' was=$incident
    printf 'lock %s %s %s %s\n' "$(date +%s.%N)" "${until:-0}" "${holder:--}" "${incident:--}" || exit 0
    [ -z "$owner" ] || printf 'owner %s\n' "$owner"
    at=jobs/${incident:--}
    [ ! -e "$at/$ended" ] || { read -r line <"$at/$ended" && printf 'ended %s\n' "$line"; }
    [ ! -e "$at/revert/decided/by" ] || { read -r line <"$at/revert/decided/by" && printf 'decided %s\n' "$line"; }
    set -- $(stat -c '%.9Y %s %n' "$at"/*/begun "$at"/*/exit "$at"/*/out 2>/dev/null)
    while [ $# -gt 2 ]; do
        dir=${3%/*} file=${3##*/} size=$2
        name=${dir##*/}
        printf 'file %s %s %s %s\n' "$1" "$size" "$name" "$file"
        shift 3
        if [ "$file" = exit ]; then
            marks=''
            while read -r line; do marks="$marks $line"; done <"$dir/exit"
            printf 'exit %s%s\n' "$name" "$marks"
        fi
        [ "$file" = out ] || continue
        if [ ! -e "$dir/exit" ] && flock -ns 9 2>/dev/null 9<"$dir/alive" && [ ! -e "$dir/exit" ]; then printf 'lost %s\n' "$name"; fi
        off=0
        case $sent in *" $name="*) off=${sent#* "$name="}; off=${off%% *} ;; *)
            if [ -n "$late" ]; then
                [ ! -e "$dir/exit" ] || off=$size
                [ $((size - off)) -le "$tail" ] || off=$((size - tail))
            fi ;;
        esac
        if [ "$size" -gt "$off" ]; then
            long=$((size - off))
            [ "$long" -le "$piece" ] || { long=$piece; more=yes; }
            printf 'out %s %s ' "$name" "$off"
            tail -c "+$((off + 1))" "$dir/out" | head -c "$long" | base64 -w 0
            echo
            off=$((off + long))
        fi
        put "$name" "$off"
    done
    late=''
    echo end
    [ -n "$more" ] || sleep "$pause"
done
"""


@dataclass
class JobSeen:
    """A job. `begun` and `ended` are times by the host's clock, in seconds; None if it has not. `size` is how many bytes it has printed,
    `ending` how it ended, None as long as it runs or that is not known."""

    begun: float | None = None
    ended: float | None = None
    size: int = 0
    ending: Ending | None = None


@dataclass
class Seen:
    """A look at the stack's folder.

    `now` is the host's time, `until` the end of the holder's lease, in seconds. `holder` is the incident that holds the lock, "" for none,
    `owner` whose it is. `jobs` are those of `incident`, which holds the lock or held it last, by name; `ended` says how its run ended, as
    the run told; `decided` who decided about its dead man's switch, "" for nobody. `output` are new pieces of their output: name, first
    byte, bytes.
    """

    now: float
    until: int
    holder: str
    incident: str
    owner: Owner | None = None
    ended: Mapping[str, object] | None = None
    decided: str = ""
    jobs: dict[str, JobSeen] = field(default_factory=dict)
    output: list[tuple[str, int, bytes]] = field(default_factory=list)

    @property
    def running(self) -> tuple[str, ...]:
        """The jobs that run, in the order in which they began."""
        return tuple(name for name, job in self.in_order if job.ending is None)

    @property
    def in_order(self) -> list[tuple[str, JobSeen]]:
        """The jobs that began, the first one first."""
        return sorted(((name, job) for name, job in self.jobs.items() if job.begun is not None), key=lambda item: item[1].begun or 0.0)

    @property
    def held(self) -> bool:
        """Whether the lock is held: by a lease that has not ended, or by a job that runs."""
        return bool(self.holder) and (self.until > self.now or bool(self.running))

    @property
    def lapsed(self) -> bool:
        """Whether its holder's lease has ended without a word, and none of its jobs runs."""
        return bool(self.holder) and not self.held


def readable(state: str) -> Command:
    """A command that fails, and says why, if we may not read the stack's folder. It prints nothing else."""
    return Command.of("sh", "-euc", SEEN + 'if seen "$1"; then seen "$1/lock" && seen "$1/jobs" || :; fi', "sh", state)


class Looks:
    """What the script prints, look by look. `on_look` is called with each."""

    def __init__(self, state: str, on_look: Callable[[Seen], None]) -> None:
        self._state = state
        self._on_look = on_look
        self._sent: dict[str, int] = {}
        self._rest = b""
        self._seen: Seen | None = None
        self._incident = ""
        self._first = True

    def script(self) -> str:
        """The script that looks until its connection ends. After a connection that broke, it goes on where that one ended."""
        self._rest, self._seen = b"", None
        sent = " ".join(f"{name}={size}" for name, size in self._sent.items())
        words = (self._state, sent, "late" if self._first else "", f"{PAUSE:g}", str(PIECE), str(TAIL), ENDED, self._incident)
        return Command.of("sh", "-c", _WATCH, "sh", *words).shell()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of what the script prints. Raises ValueError or LookupError for what it does not print."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _LONGEST:
            raise ValueError("a line that is too long")
        for line in lines:
            self._line(line.decode(errors="replace"))

    def _line(self, line: str) -> None:
        kind, _, words = line.partition(" ")
        if kind == "lock":
            now, until, holder, incident = words.split(" ")
            self._seen = Seen(_number(now), int(_number(until)), holder if holder != _NONE else "", incident if incident != _NONE else "")
            if self._seen.incident != self._incident:
                self._incident, self._sent = self._seen.incident, {}
        elif self._seen is not None:
            self._of_look(self._seen, kind, words)

    def _of_look(self, seen: Seen, kind: str, words: str) -> None:
        name, _, rest = words.partition(" ")
        match kind:
            case "owner":
                seen.owner = _owner(words)
            case "ended":
                seen.ended = _told(words)
            case "decided":
                seen.decided = words
            case "file":
                _file(seen, words.split(" "))
            case "exit":
                seen.jobs.setdefault(name, JobSeen()).ending = Ending.read(rest)
            case "lost":
                seen.jobs.setdefault(name, JobSeen()).ending = Ending(Kind.LOST)
            case "out":
                first, _, text = rest.partition(" ")
                piece = _bytes(text)
                begin = int(_number(first))
                self._sent[name] = begin + len(piece)
                seen.output.append((name, begin, piece))
            case "end":
                self._end(seen)

    def _end(self, seen: Seen) -> None:
        for name, job in seen.jobs.items():
            self._sent.setdefault(name, job.size)
        self._first, self._seen = False, None
        self._on_look(seen)


def _file(seen: Seen, words: Iterable[str]) -> None:
    time, size, name, file = words
    job = seen.jobs.setdefault(name, JobSeen())
    if file == "begun":
        job.begun = _number(time)
    elif file == "exit":
        job.ended = _number(time)
    else:
        job.size = int(_number(size))


def _owner(text: str) -> Owner:
    owner = Owner(**{name: str(value) for name, value in _told(text).items()})
    if datetime.fromisoformat(owner.since).tzinfo is None:
        raise ValueError("a time without its zone")
    return owner


def _number(text: str) -> float:
    """Seconds since 1970, or a size."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"not a number: {text[:40]!r}")
    return float(text)


def _told(text: str) -> Mapping[str, object]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
