"""Several scripts in one round trip: one command on the host runs them side by side, and each line of its output says whose it is."""

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

LONGEST = 96 * 1024  # bytes of the scripts of a round as they are sent: Linux takes no word of more than 128 KiB (MAX_ARG_STRLEN)
SLACK = 3 * GRACE  # seconds beyond the last deadline after which a round is given up

# ask NUMBER SECONDS SCRIPT: run it, watched like any other. Its standard output goes out as lines of base64, which a pipe keeps whole
# (PIPE_BUF: 4096 bytes). So does its standard error, unless the script ended well and wrote nothing there, as nearly all do.
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
    """A POSIX shell script that changes nothing. `deadline` is in seconds; `keep` bytes at each end of what it says are kept; `send`
    goes to its standard input, which has no end then."""

    text: str
    deadline: float = 30.0
    keep: int = KEEP
    send: Secret | None = None

    @property
    def size(self) -> int:
        """Bytes of it as it is sent."""
        return len(shlex.quote(self.text).encode()) * 4 // 3 + 200


@dataclass(frozen=True)
class Said:
    """What a script said on both streams, as kept, and how it ended: None where that is not known."""

    ending: Ending | None
    out: str
    err: str
    dropped: int


class Round:
    """One go of several scripts: `script` runs them, `feed` takes what that prints."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self._mark = secrets.token_hex(8)  # nothing that is said by others looks like it
        self._streams = [(BoundedOutput(one.keep), BoundedOutput()) for one in scripts]
        self._rest = b""
        self._scripts = scripts
        self.deadline = max(one.deadline for one in scripts) + SLACK

    @property
    def script(self) -> str:
        before = rf"\n{self._mark} "
        settings = f"watch={shlex.quote(_WATCH)} grace={GRACE} mark='{before}' ended='\n{self._mark}'"
        asked = [
            f"ask {number} {one.deadline:.10g} {shlex.quote(own_end(before, 2) + one.text)}" for number, one in enumerate(self._scripts)
        ]
        whole = "\n".join([_ROUND, settings, "{", *asked, "wait", "} 4>&1 | cat", ""])
        return f'eval "$(printf %s {base64.b64encode(whole.encode()).decode()} | base64 -d)"'

    def feed(self, chunk: bytes) -> None:
        """The next bytes of its standard output."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if found := _LINE.fullmatch(line):
                out, err = self._streams[int(found[1])]
                if found[2] is None:
                    err.add(f"\n{self._mark} 0\n".encode())
                else:
                    (out if found[2] == b"out" else err).add(base64.b64decode(found[3]))

    def said(self) -> Iterator[Said]:
        """What each of them said, in their order."""
        for out, err in self._streams:
            text = err.text()
            marks = " ".join(re.findall(rf"\n{self._mark} (.*)\n", text))
            try:
                ending = Ending.read(marks)
            except ValueError:
                ending = None
            yield Said(ending, out.text(), re.sub(rf"\n{self._mark} .*\n", "", text), out.dropped + err.dropped)


def rounds(scripts: Iterable[Script]) -> list[list[Script]]:
    """The scripts in as few rounds as their size allows; one that is sent something goes alone."""
    found: list[list[Script]] = []
    together: list[Script] = []
    for one in scripts:
        if one.send is not None:
            found.append([one])
        elif together and sum(other.size for other in together) + one.size > LONGEST:
            found.append(together)
            together = [one]
        else:
            together.append(one)
    return [*found, together] if together else found
