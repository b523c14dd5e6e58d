"""Commands as data: what would run on the host, quoted for a POSIX shell. Nothing here runs anything."""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace

from rollback_lib.errors import ParameterError


@dataclass(frozen=True)
class Command:
    """One command line: `argv`, optionally piped into another command, its input from a file or a text, its output into a
    file or at the end of one, and a rescue that runs when it fails, which stays a failure. A pipe fails where any of its commands
    does.

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
        """A command of these words, each passed on verbatim. Raises ParameterError for a word with a NUL."""
        if any("\0" in word for word in argv):
            raise ParameterError(f"a NUL character cannot be part of a command ({argv[0]}); remove it")
        return cls(tuple(argv))

    @classmethod
    def script(cls, text: str, *words: str) -> "Command":
        """A script of `sh` with these words as its arguments, shown line by line; it ends at the first command that fails.

        It is read from standard input, so what it runs must read none.
        """
        return cls.of("sh", "-eu", "-s", "--", *words).saying(text)

    def pipe(self, *argv: str) -> "Command":
        """The same, with its output as the input of `argv`."""
        return replace(self, into=self.into.pipe(*argv) if self.into else Command.of(*argv))

    def to(self, path: str, *, append: bool = False) -> "Command":
        """The same, with its output written to (or appended to) the file at `path`."""
        return replace(self, file=path, append=append)

    def reading(self, path: str) -> "Command":
        """The same, with the file at `path` as its input."""
        return replace(self, source=path)

    def saying(self, text: str) -> "Command":
        """The same, with a text as its input. Raises ParameterError where a line of it could not be told from its END."""
        if _UNSAYABLE.search(text):
            raise ParameterError(f"a line of the input of {self.argv[0]} begins like {END}; write it in another way")
        return replace(self, text=text)

    def or_else(self, rescue: "Command") -> "Command":
        """The same; when it fails, `rescue` runs, and the whole has failed."""
        return replace(self, rescue=rescue)

    def shell(self) -> str:
        """As one line of POSIX shell, and below it the texts that are read."""
        return "\n".join([self._line(), *self._texts()])

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
        """A POSIX shell knows how the last command of a pipe ended, and not how the others did: each that fails says so on descriptor 3.
        What the last one writes goes around, by descriptor 4."""
        feeding, last = [self], self.into
        while last and last.into:
            feeding, last = [*feeding, last], last.into
        assert last
        said = "|| echo failed >&3"
        pipe = " | ".join([*(f"{{ {one._call()} {said}; }}" for one in feeding), f"{last._call()} >&4 {said}"])
        return f"{{ {{ {pipe}; }} 3>&1 | (! read -r failed); }} 4{out or '>&1'}"

    def _texts(self) -> list[str]:
        own = [] if self.text is None else [self.text.strip("\n"), END]
        return own + (self.into._texts() if self.into else []) + (self.rescue._texts() if self.rescue else [])

    __str__ = shell


# What every command finds in its environment. git runs no hook of the tree and no monitor of its files, leaves submodules alone, and
# works in a tree of another user. These settings need git 2.31 (git-config(1), GIT_CONFIG_COUNT).
_GIT = {"safe.directory": "*", "core.hooksPath": "/dev/null", "core.fsmonitor": "false", "submodule.recurse": "false"}
_SETTINGS = [{f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": _GIT[name]} for number, name in enumerate(_GIT)]
ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "COMPOSE_ANSI": "never",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_COUNT": str(len(_GIT)),
    **{name: value for setting in _SETTINGS for name, value in setting.items()},
}

END = "EOF"  # closes the text that a command reads
# dash 0.5.12 loses a byte where a line begins like END and continues with a character that is not ASCII.
_UNSAYABLE = re.compile(r"^(?:EOF$|(?:E|EO|EOF)[^\x00-\x7f])", re.MULTILINE)

# Precedes the number of a command in the output of a marked script; a control character no tool prints by itself.
MARK = "\x1e"


def script(commands: Iterable[Command], *, marked: bool = False) -> str:
    """A shell script that runs `commands` in turn and stops at the first that fails.

    `marked`: each command announces itself on standard output, by MARK, its number from 0 and a newline, so that a
    reader knows how far the script came.
    """
    lines = ["set -eu", "umask 022"]
    for number, command in enumerate(commands):
        if marked:
            lines.append(f"printf '\\036%d\\n' {number}")
        lines.append(command.shell())
    return "\n".join(lines) + "\n"
