"""Fact, asking the host for several side by side, and dialogues: questions that follow from the answers to others."""

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rollback_lib.command import Command, script
from rollback_lib.errors import Refused
from rollback_lib.host.connection import CHANNELS, Connection, said
from rollback_lib.record.redaction import clean
from rollback_lib.secret import Secret

T = TypeVar("T")
DEADLINE = 20.0  # seconds for one fact
KEEP = 1024 * 1024  # bytes kept at each end of what a fact says


@dataclass(frozen=True)
class Fact(Generic[T]):
    """`commands` change nothing; `read` makes the fact of their output.

    `otherwise` makes the fact of what a failing command said (a file that is not there yet); without it, `missing` says
    in a sentence what a failure means to the person who asked. `long`: an answer may be cut in its middle. `input` is
    sent to the commands, which must read all of it and no more.
    """

    commands: tuple[Command, ...]
    read: Callable[[str], T]
    missing: str = "the host could not be asked"
    otherwise: Callable[[str], T] | None = None
    long: bool = False
    input: Secret | None = None


# Yields facts to be asked side by side, is sent their answers by name, and returns what it makes of them.
Dialogue = Generator[Mapping[str, Fact[Any]], dict[str, Any], T]


def ask(connection: Connection, facts: Mapping[str, Fact[Any]]) -> dict[str, Any]:
    """The facts by name, all asked at once over the one connection. Raises Refused naming the first that failed."""

    def answer(fact: Fact[Any]) -> Any:
        result = connection.run(script(fact.commands), deadline=DEADLINE, keep=KEEP, send=fact.input)
        if result.dropped and not fact.long:
            raise Refused(f"{connection.alias} gave an answer of more than {2 * KEEP:,} bytes to: {clean(str(fact.commands[0]))[:200]}")
        if result.status == 0:
            return fact.read(result.out)
        if fact.otherwise is not None:
            return fact.otherwise(result.err)
        raise Refused(f"{fact.missing} ({connection.alias}: {said(result, DEADLINE)})")

    with ThreadPoolExecutor(CHANNELS) as pool:
        answers = {name: pool.submit(answer, fact) for name, fact in facts.items()}
        return {name: future.result() for name, future in answers.items()}


def converse(connection: Connection, dialogue: "Dialogue[T]", on_answers: Callable[[dict[str, Any]], None] = lambda _: None) -> T:
    """Lead a dialogue to its end; `on_answers` sees each round. Raises what `ask` and the dialogue raise."""
    try:
        questions = next(dialogue)
        while True:
            answers = ask(connection, questions)
            on_answers(answers)
            questions = dialogue.send(answers)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
