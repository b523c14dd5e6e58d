"""Fact, and asking the host for several side by side."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rollback_lib.command import Command, script
from rollback_lib.errors import Refused
from rollback_lib.host.connection import CHANNELS, Connection, said

T = TypeVar("T")
DEADLINE = 20.0  # seconds for one fact


@dataclass(frozen=True)
class Fact(Generic[T]):
    """`commands` change nothing; `read` makes the fact of their output.

    `otherwise` is what is true when a command fails (a file that is not there yet); without it, `missing` says in a
    sentence what a failure means to the person who asked.
    """

    commands: tuple[Command, ...]
    read: Callable[[str], T]
    missing: str = "the host could not be asked"
    otherwise: Callable[[], T] | None = None


def ask(connection: Connection, facts: Mapping[str, Fact[Any]]) -> dict[str, Any]:
    """The facts by name, all asked at once over the one connection. Raises Refused naming the first that failed."""

    def answer(fact: Fact[Any]) -> Any:
        result = connection.run(script(fact.commands), deadline=DEADLINE)
        if result.status == 0:
            return fact.read(result.out)
        if fact.otherwise is not None:
            return fact.otherwise()
        raise Refused(f"{fact.missing} ({connection.alias}: {said(result, DEADLINE)})")

    with ThreadPoolExecutor(CHANNELS) as pool:
        answers = {name: pool.submit(answer, fact) for name, fact in facts.items()}
        return {name: future.result() for name, future in answers.items()}
