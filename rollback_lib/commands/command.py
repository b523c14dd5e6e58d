"""Commands for the host as data, and how they are written for a POSIX shell. Nothing here runs anything."""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace

from rollback_lib.errors import ParameterError


@dataclass(frozen=True)
class Command:
    """One command line.

    `argv` are its words. `into` is the command that its output is piped into; a pipe fails if any of its commands fails. Its output goes
    to `file`, or with `append` to the end of that file. Its input is the file `source` or the text `text`. `rescue` runs if it fails,
    and the whole counts as failed all the same.

    >>> Command.of("git", "log", "--format=%h %s").shell()
    "git log '--format=%h %s'"
    """

    argv: tuple[str, ...]
    into: "Command | None" = None
    file: str | None = None
    append: bool = False
    source: str | None = None
    text: str | None = None
    rescue: "Command | None" = None

    @classmethod
    def of(cls, *argv: str) -> "Command":
        """A command of these words, each passed on as it is. Raises ParameterError for a word with a NUL character."""
        if any("\0" in word for word in argv):
            raise ParameterError(f"a NUL character cannot be part of a command ({argv[0]}); remove it")
        return cls(tuple(argv))

    @classmethod
    def script(cls, text: str, *words: str) -> "Command":
        """A script for `sh`, with `words` as its arguments. It ends at the first command that fails.

        Plans show it line by line. The shell reads it from standard input, so its commands must not read standard input.
        """
        return cls.of("sh", "-eu", "-s", "--", *words).saying(text)

    def pipe(self, *argv: str) -> "Command":
        """This command, with its output piped into the command `argv`."""
        return replace(self, into=self.into.pipe(*argv) if self.into else Command.of(*argv))

    def to(self, path: str, *, append: bool = False) -> "Command":
        """This command, with its output written or appended to the file at `path`."""
        return replace(self, file=path, append=append)

    def reading(self, path: str) -> "Command":
        """This command, with the file at `path` as its input."""
        return replace(self, source=path)

    def saying(self, text: str) -> "Command":
        """This command, with `text` as its input. Raises ParameterError if a line of the text could be taken for END."""
        if _UNSAYABLE.search(text):
            raise ParameterError(f"a line of the input of {self.argv[0]} begins like {END}; write it in another way")
        return replace(self, text=text)

    def or_else(self, rescue: "Command") -> "Command":
        """This command, with a command that runs if it fails. The whole counts as failed all the same."""
        return replace(self, rescue=rescue)

    def shell(self) -> str:
        """The command as a line of POSIX shell, followed by the texts that it reads (here-documents)."""
        return "\n".join([self._line(), *self._texts()])

    def brief(self) -> str:
        """The command as a line of shell. A text that it reads is left out if it is long; a comment says how many lines it has."""
        lines = [line for text in self._texts() for line in text.splitlines()]
        return self.shell() if len(lines) <= BRIEF else f"{self._line()} # {len(lines) - 1} lines, as in the plan"

    def _line(self) -> str:
        out = f"{'>>' if self.append else '>'}{shlex.quote(self.file)}" if self.file else ""
        line = self._pipe(out) if self.into else f"{self._call()} {out}".rstrip()
        if self.rescue:
            line += f" || {{ {self.rescue._line()}; exit 1; }}"
        return line

    def _call(self) -> str:
        line = shlex.join(self.argv)
        if self.source:
            line += f" <{shlex.quote(self.source)}"
        if self.text is not None:
            line += f" <<'{END}'"
        return line

    def _pipe(self, out: str) -> str:
        """A pipe that fails if any of its commands fails. A POSIX shell only knows how the last command of a pipe ended. So each command
        that fails prints to descriptor 3, which is checked. The output of the pipe goes through descriptor 4."""
        feeding, last = [self], self.into
        while last and last.into:
            feeding, last = [*feeding, last], last.into
        assert last
        report = "|| echo failed >&3"
        pipe = " | ".join([*(f"{{ {command._call()} {report}; }}" for command in feeding), f"{last._call()} >&4 {report}"])
        return f"{{ {{ {pipe}; }} 3>&1 | (! read -r failed); }} 4{out or '>&1'}"

    def _texts(self) -> list[str]:
        own = [] if self.text is None else [self.text.strip("\n"), END]
        return own + (self.into._texts() if self.into else []) + (self.rescue._texts() if self.rescue else [])

    __str__ = shell


# The environment of every command. git runs no hooks and no file monitor, leaves submodules alone, and works in a tree that belongs to
# another user. These settings need git 2.31 (git-config(1), GIT_CONFIG_COUNT).
_GIT = {"safe.directory": "*", "core.hooksPath": "/dev/null", "core.fsmonitor": "false", "submodule.recurse": "false"}
_SETTINGS = [{f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": _GIT[name]} for number, name in enumerate(_GIT)]
ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "COMPOSE_ANSI": "never",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_COUNT": str(len(_GIT)),
    **{name: value for setting in _SETTINGS for name, value in setting.items()},
}

BRIEF = 4  # lines of a text, its end included, that are shown while a command runs
END = "EOF"  # the line that ends the text a command reads
# dash 0.5.12 loses a byte of a line that begins like END and continues with a character that is not ASCII.
_UNSAYABLE = re.compile(r"^(?:EOF$|(?:E|EO|EOF)[^\x00-\x7f])", re.MULTILINE)

# In the output of a marked script, this precedes the number of a command. It is a control character that no tool prints by itself.
MARK = "\x1e"


def script(commands: Iterable[Command], *, marked: bool = False) -> str:
    """A shell script that runs `commands` in turn, and stops at the first one that fails.

    With `marked`, it prints a line with MARK and the number of the command, from 0, before each command, so that a reader knows how
    far it got.
    """
    lines = ["set -eu", "umask 022"]
    for number, command in enumerate(commands):
        if marked:
            lines.append(f"printf '\\036%d\\n' {number}")
        lines.append(command.shell())
    return "\n".join(lines) + "\n"
