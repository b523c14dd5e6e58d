"""Runs `sh` on the host through any login shell, whatever that shell is and whatever its start-up file prints.

sshd hands a command to the login shell of the user (sshd(8), LOGIN PROCESS). That may be bash, which then reads ~/.bashrc, or fish or
csh, which read a script of `sh` differently. So the command line contains only words that all these shells read alike. What comes
before the first marked line on either stream is not part of an answer.
"""

import re
import shlex

from rollback_lib.commands.command import ENVIRONMENT
from rollback_lib.host.output import BoundedOutput

# Commands see this environment and nothing else, since an exported variable would take precedence over the stack's .env. The folders
# of system programs are added, as they are often missing from the PATH of users other than root.
_CLEAN = (
    'exec env -i PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" HOME="$HOME" '
    + " ".join(f"{name}={shlex.quote(value)}" for name, value in ENVIRONMENT.items())
    + ' ${DOCKER_HOST+DOCKER_HOST="$DOCKER_HOST"} ${XDG_RUNTIME_DIR+XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR"} '
    '${SSH_USER_AUTH+SSH_USER_AUTH="$SSH_USER_AUTH"} '
)
_OTHERS = re.compile(r"[^ -~]|['\\!]")  # characters that the shells read differently, even between single quotes
_NOISE = 1024  # bytes of the start-up file's output that are kept, at the beginning and at the end


def through_login_shell(command: str, *, sudo: bool = False) -> str:
    """A command line for any login shell. It runs `command`, a line of `sh`, in a clean environment; with `sudo`, as root."""
    script = f"{_CLEAN}{command}"
    start = 'exec sudo -n -H sh -c "$1"' if sudo else 'eval "$1"'
    return f"""exec sh -c 'set -- "$(printf %b "$1")"; {start}' sh '{_OTHERS.sub(_octal, script)}'"""


def _octal(found: "re.Match[str]") -> str:
    return "".join(f"\\0{byte:03o}" for byte in found[0].encode())


class Frame:
    """Splits a stream at the first line that is exactly `line`. What follows is the answer, and what came before is noise.

    `begun` is whether that line has come.
    """

    def __init__(self, line: bytes) -> None:
        self._line = b"\n" + line + b"\n"
        self._held = b""
        self._noise = BoundedOutput(_NOISE)
        self.begun = False

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes of the stream, and return those that belong to the answer."""
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
        """What came before the marked line; everything if that line has not come. The middle of long noise is dropped."""
        return self._noise.text() + self._held.decode(errors="replace")
