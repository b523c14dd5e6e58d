"""Asking the host for facts, several side by side, and leading dialogues with it."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from rollback_lib.command import script
from rollback_lib.errors import Refused
from rollback_lib.facts.fact import Dialogue, Fact
from rollback_lib.host.channels import CHANNELS
from rollback_lib.host.connection import said
from rollback_lib.host.link import Link
from rollback_lib.record.redaction import clean

T = TypeVar("T")
KEEP = 1024 * 1024  # bytes kept at each end of what a fact says


def ask(link: Link, facts: Mapping[str, Fact[Any]]) -> dict[str, Any]:
    """The facts by name, all asked at once over the one connection. Raises Refused naming the first that failed."""

    def answer(fact: Fact[Any]) -> Any:
        result = link.run(script(fact.commands), deadline=fact.deadline, keep=KEEP, send=fact.input)
        if result.dropped and not fact.long:
            raise Refused(f"{link.alias} gave an answer of more than {2 * KEEP:,} bytes to: {clean(str(fact.commands[0]))[:200]}")
        try:
            if result.status == 0:
                return fact.read(result.out)
            if fact.otherwise is not None:
                return fact.otherwise(result.err)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            asked = clean(str(fact.commands[0]))[:200]
            raise Refused(f"{link.alias} gave an answer that cannot be understood ({type(error).__name__}) to: {asked}") from None
        raise Refused(f"{fact.missing} ({link.alias}: {said(result)})")

    with ThreadPoolExecutor(CHANNELS) as pool:
        answers = {name: pool.submit(answer, fact) for name, fact in facts.items()}
        return {name: future.result() for name, future in answers.items()}


def converse(link: Link, dialogue: "Dialogue[T]", on_answers: Callable[[dict[str, Any]], None] = lambda _: None) -> T:
    """Lead a dialogue to its end; `on_answers` sees each round. Raises what `ask` and the dialogue raise."""
    try:
        questions = next(dialogue)
        while True:
            try:
                answers = ask(link, questions)
            except Refused as error:
                questions = dialogue.throw(error)  # the dialogue may know better what that means
                continue
            on_answers(answers)
            questions = dialogue.send(answers)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
