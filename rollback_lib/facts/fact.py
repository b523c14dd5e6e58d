"""Fact: a question to the host that changes nothing, and how its answer is read."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from rollback_lib.commands.command import Command
from rollback_lib.secrets.secret import Secret

T = TypeVar("T")
KEEP = 1024 * 1024  # bytes that are kept of an answer, at its beginning and at its end


@dataclass(frozen=True)
class Fact(Generic[T]):
    """`commands` run on the host and change nothing; `read` makes the answer from their output. `read` may raise ValueError, LookupError
    or TypeError for output that it does not understand. Without commands no host is asked, and `read` gets "".

    When a command fails, `otherwise` makes the answer from its error messages, as for a file that may not be there yet. Without
    `otherwise`, a failure is an error, and `missing` says in a sentence what that means to the person who asked.

    `long`: the middle of a long output may be dropped. `keep` bytes of it are kept at each end. `input` is sent to the commands, which must
    read all of it and no more. `deadline` is in seconds.

    `hides` returns the values in an answer that must never be shown or kept. `spoken` is for text that programs print: it returns the
    answer with secrets masked by the function that it is given, before any text is cut, so that no half of a secret remains.
    """

    commands: tuple[Command, ...]
    read: Callable[[str], T]
    missing: str = "the host could not be asked"
    otherwise: Callable[[str], T] | None = None
    long: bool = False
    keep: int = KEEP
    input: Secret | None = None
    deadline: float = 20.0
    hides: Callable[[T], Iterable[str]] = lambda _: ()
    spoken: Callable[[T, Callable[[str], str]], T] | None = None

    @property
    def asked(self) -> str:
        """The question in one line: the first line of its last command."""
        return self.commands[-1].shell().partition("\n")[0] if self.commands else "nothing"
