"""Fact: a question to the host, and how its answer is read."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from rollback_lib.commands.command import Command
from rollback_lib.secrets.secret import Secret

T = TypeVar("T")
KEEP = 1024 * 1024  # bytes at each end of an answer


@dataclass(frozen=True)
class Fact(Generic[T]):
    """`commands` change nothing; `read` makes the fact of their output.

    `otherwise` makes the fact of what a failing command said (a file that is not there yet); without it, `missing` says
    in a sentence what a failure means to the person who asked. `long`: an answer may be cut in its middle. `input` is
    sent to the commands, which must read all of it and no more. `deadline` is in seconds. A fact without commands is read of nothing,
    and no host is asked.

    `hides` are the values in an answer that must never be shown or kept. `spoken`, for what programs said, makes of an answer the same
    with its texts hidden by the function that it is given: what is cut later has no half of a secret then.
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
        """The question in one line: the last of its commands, as far as its first line goes."""
        return self.commands[-1].shell().partition("\n")[0] if self.commands else "nothing"
