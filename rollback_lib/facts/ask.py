"""Asking the host for facts, several side by side, and leading dialogues with it."""

import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from rollback_lib.commands.command import script
from rollback_lib.errors import Refused
from rollback_lib.facts.fact import KEY, Dialogue, Fact
from rollback_lib.host.channels import CHANNELS
from rollback_lib.host.connection import Result, said
from rollback_lib.host.ending import Ending
from rollback_lib.host.link import Link
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key

T = TypeVar("T")
AGAIN = (0.2, 0.5, 1.0)  # seconds before a fact is asked again
# While Docker or a container is starting again, a `docker exec` may end so, whatever its command would have said.
_STUMBLED = re.compile(r"OCI runtime exec failed|connection reset by peer|error during connect|unexpected EOF")
_NOT_ASKED = Result(Ending.exited(0), "", "", 0, 0.0)


def ask(link: Link, facts: Mapping[str, Fact[Any]], redactor: Redactor, key: Key) -> dict[str, Any]:
    """The facts by name, all asked at once over the one connection; for KEY, `key`. What they hide, `redactor` knows before anybody
    sees an answer. Raises Refused naming the first that failed."""
    asked = {name: fact for name, fact in facts.items() if fact is not KEY}

    def hear(fact: Fact[Any]) -> Result:
        return _hear(link, fact) if fact.commands else _NOT_ASKED

    with ThreadPoolExecutor(CHANNELS) as pool:
        heard = {name: pool.submit(hear, fact) for name, fact in asked.items()}
    answers: dict[str, Any] = {}
    failed: dict[str, Refused] = {}
    # What programs said comes last: by then, the secrets of all other answers are known.
    for name, fact in sorted(asked.items(), key=lambda one: one[1].spoken is not None):
        try:
            answers[name] = _answer(link.alias, fact, heard[name].result(), redactor)
        except Refused as error:
            failed[name] = error
    for name in asked:
        if name in failed:
            raise failed[name]
    return {name: answers[name] if name in asked else key for name in facts}


def _hear(link: Link, fact: Fact[Any]) -> Result:
    """What its commands say; asked again, a few times, where Docker itself stumbled: that tells nothing of what was asked."""
    for pause in (*AGAIN, None):
        result = link.run(script(fact.commands), deadline=fact.deadline, keep=fact.keep, send=fact.input)
        if pause is None or result.status == 0 or not _STUMBLED.search(result.err):
            break
        time.sleep(pause)
    return result


def _answer(alias: str, fact: Fact[Any], result: Result, redactor: Redactor) -> Any:
    def asked() -> str:
        return redactor.clean(str(fact.commands[0]))[:200] if fact.commands else "nothing"

    if result.dropped and not fact.long:
        raise Refused(f"{alias} gave an answer of more than {2 * fact.keep:,} bytes to: {asked()}")
    try:
        if result.status == 0:
            answer = fact.read(result.out)
            redactor.protect(fact.hides(answer))
        elif fact.otherwise is not None:
            answer = fact.otherwise(result.err)
        else:
            raise Refused(f"{fact.missing} ({alias}: {said(result)})")
        return fact.spoken(answer, redactor.hide) if fact.spoken else answer
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise Refused(f"{alias} gave an answer that cannot be understood ({type(error).__name__}) to: {asked()}") from None


def converse(
    link: Link, dialogue: "Dialogue[T]", redactor: Redactor, key: Key, on_answers: Callable[[dict[str, Any]], None] = lambda _: None
) -> T:
    """Lead a dialogue to its end; `on_answers` sees what the host said in each round. Raises what `ask` and the dialogue raise."""
    try:
        questions = next(dialogue)
        while True:
            try:
                answers = ask(link, questions, redactor, key)
            except Refused as error:
                questions = dialogue.throw(error)  # the dialogue may know better what that means
                continue
            on_answers({name: answer for name, answer in answers.items() if questions[name] is not KEY})
            questions = dialogue.send(answers)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
