"""Runs several scripts in one round trip. One command on the host runs them side by side, and labels each line of their output."""

import base64
import re
import secrets
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rollback_lib.host.ending import Ending
from rollback_lib.host.output import KEEP, BoundedOutput
from rollback_lib.host.snippets import GRACE, WATCH, own_end
from rollback_lib.secrets.secret import Secret

LONGEST = 120 * 1024  # bytes of all scripts of a round as run; Linux allows 128 KiB for one argument of a command (MAX_ARG_STRLEN)
SLACK = 3 * GRACE  # seconds after the last deadline after which a round is given up

# ask NUMBER SECONDS SCRIPT: run the script in the background, watched like any other. Its standard output is printed as lines of base64,
# short enough for a pipe not to split them (PIPE_BUF: 4096 bytes). So is its standard error, unless the script succeeded and wrote
# nothing there, as nearly all do: then the line "NUMBER ok" is printed instead.
_ROUND = r"""
ask() {
    {
        err=$(timeout -s ALRM "$2" sh -c "$watch" sh "$3" "$2" "$grace" "$mark" 2>&1 >&3 3>&- 4>&-)
        case $err in
            "$ended 0") echo "$1 ok" ;;
            *) printf '%s\n' "$err" | base64 -w 3000 | sed -u "s/^/$1 err /" ;;
        esac >&4 3>&-
    } 3>&1 2>/dev/null | base64 -w 3000 | sed -u "s/^/$1 out /" >&4 &
}
exec </dev/null
"""
_WATCH = WATCH + 'exec 4</dev/null\nbegin "$1"\nawait "$2" "$3" "$4" >&2\n'
_LINE = re.compile(rb"(\d+) (?:(out|err) ([A-Za-z0-9+/=]+)|ok)")


@dataclass(frozen=True)
class Script:
    """A POSIX shell script that changes nothing.

    `deadline` is in seconds. The first and last `keep` bytes of its standard output are kept. `send` is written to its standard
    input, which is not closed afterwards.
    """

    text: str
    deadline: float = 30.0
    keep: int = KEEP
    send: Secret | None = None

    @property
    def size(self) -> int:
        """How many bytes the script takes in the script of a round, with the call around it."""
        return len(shlex.quote(self.text).encode()) + 200


@dataclass(frozen=True)
class ScriptOutput:
    """What a script printed on both streams, less `dropped` bytes, and how it ended; None if that is not known."""

    ending: Ending | None
    out: str
    err: str
    dropped: int


class Round:
    """Several scripts, run as one: `script` runs them all, `feed` takes what it prints, and `outputs` sorts that by script."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self._mark = secrets.token_hex(8)  # random, so that no other output can be taken for it
        self._streams = [(BoundedOutput(script.keep), BoundedOutput()) for script in scripts]
        self._rest = b""
        self._scripts = scripts
        self.deadline = max(script.deadline for script in scripts) + SLACK

    @property
    def script(self) -> str:
        """The shell script that runs all scripts."""
        before = rf"\n{self._mark} "
        settings = f"watch={shlex.quote(_WATCH)} grace={GRACE} mark='{before}' ended='\n{self._mark}'"
        asks = [
            f"ask {number} {each.deadline:.10g} {shlex.quote(own_end(before, 2) + each.text)}" for number, each in enumerate(self._scripts)
        ]
        return "\n".join([_ROUND, settings, "{", *asks, "wait", "} 4>&1 | cat", ""])

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the standard output of `script`."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if found := _LINE.fullmatch(line):
                out, err = self._streams[int(found[1])]
                if found[2] is None:
                    err.add(f"\n{self._mark} 0\n".encode())
                else:
                    (out if found[2] == b"out" else err).add(base64.b64decode(found[3]))

    def outputs(self) -> Iterator[ScriptOutput]:
        """What each script printed, in the order of the scripts."""
        for out, err in self._streams:
            text = err.text()
            marks = " ".join(re.findall(rf"\n{self._mark} (.*)\n", text))
            try:
                ending = Ending.read(marks)
            except ValueError:
                ending = None
            yield ScriptOutput(ending, out.text(), re.sub(rf"\n{self._mark} .*\n", "", text), out.dropped + err.dropped)


def rounds(scripts: Iterable[Script]) -> list[list[Script]]:
    """Divide the scripts into as few rounds as their size allows. A script with something to `send` gets a round of its own."""
    found: list[list[Script]] = []
    together: list[Script] = []
    for script in scripts:
        if script.send is not None:
            found.append([script])
        elif together and sum(other.size for other in together) + script.size > LONGEST:
            found.append(together)
            together = [script]
        else:
            together.append(script)
    return [*found, together] if together else found
