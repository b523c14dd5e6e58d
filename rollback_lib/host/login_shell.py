"""The way into a shell there, whatever the login shell is and whatever its start-up file prints.

sshd hands a command to the login shell of the user (sshd(8), LOGIN PROCESS). That may be bash, which reads ~/.bashrc then, or fish or
csh, to which a script of `sh` means something else. So the login shell is given nothing but words that all of them read alike, and
what comes before our own first line on either stream is not part of an answer.
"""

import re
import shlex

from rollback_lib.commands.command import ENVIRONMENT
from rollback_lib.host.output import BoundedOutput

# What runs there sees this environment and no other: an exported variable would beat the stack's .env. Users who are not root often
# lack the folders of a system's own programs.
_CLEAN = (
    'exec env -i PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" HOME="$HOME" '
    + " ".join(f"{name}={shlex.quote(value)}" for name, value in ENVIRONMENT.items())
    + ' ${DOCKER_HOST+DOCKER_HOST="$DOCKER_HOST"} ${XDG_RUNTIME_DIR+XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR"} '
)
_OTHERS = re.compile(r"[^ -~]|['\\!]")  # characters that the shells read differently, even between single quotes
_NOISE = 1024  # bytes of it that are kept at each end


def through_login_shell(command: str, *, sudo: bool = False) -> str:
    """A line for any login shell that runs `command`, a line of `sh`, in a clean environment; `sudo`: as root."""
    script = f"{_CLEAN}{command}"
    start = 'exec sudo -n -H sh -c "$1"' if sudo else 'eval "$1"'
    return f"""exec sh -c 'set -- "$(printf %b "$1")"; {start}' sh '{_OTHERS.sub(_octal, script)}'"""


def _octal(found: "re.Match[str]") -> str:
    return "".join(f"\\0{byte:03o}" for byte in found[0].encode())


class Frame:
    """Of a stream, what comes after the line with a mark; what came before it is noise."""

    def __init__(self, line: bytes) -> None:
        self._line = b"\n" + line + b"\n"
        self._held = b""
        self._noise = BoundedOutput(_NOISE)
        self.begun = False

    def feed(self, chunk: bytes) -> bytes:
        """Those of the next bytes that belong to the answer."""
        if self.begun:
            return chunk
        before, found, after = (self._held + chunk).partition(self._line)
        if found:
            self.begun, self._held = True, b""
            self._noise.add(before)
            return after
        kept = len(self._line) - 1
        self._noise.add(before[:-kept])
        self._held = before[-kept:]
        return b""

    @property
    def noise(self) -> str:
        """What came before the mark, or all where no mark came."""
        return self._noise.text() + self._held.decode(errors="replace")
