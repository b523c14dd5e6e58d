"""The host of a run. Facts are asked over its SSH link."""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from rollback_lib.commands.command import script
from rollback_lib.errors import Refused
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.host import Host
from rollback_lib.host.connection import Result, said
from rollback_lib.host.ending import Ending
from rollback_lib.host.link import Link
from rollback_lib.host.round import Script
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key

PAUSES = (0.2, 0.5, 1.0)  # seconds before a fact is asked again
# While Docker or a container restarts, a `docker exec` may fail with these messages, whatever its command would have answered.
_DOCKER_FAILED = re.compile(r"OCI runtime exec failed|connection reset by peer|error during connect|unexpected EOF")
_NOT_ASKED = Result(Ending.exited(0), "", "", 0, 0.0)
# Facts with their answers.
Answered = list[tuple[Fact[Any], Any]]


class LiveHost(Host):
    """Asks facts over `link`. The secrets in an answer are made known to `redactor` before the answer is returned.

    `on_answers` is called after each round trip with the facts that were answered and their answers. With `once`, a question that was
    answered is not sent again: for a single look at a host, in which several ask the same, some of them later than others.
    """

    def __init__(
        self, link: Link, redactor: Redactor, key: Key, on_answers: Callable[[Answered], None] = lambda _: None, *, once: bool = False
    ) -> None:  # fmt: skip
        super().__init__(key)
        self._once = once
        self._known: dict[Script, Result] = {}
        self._link = link
        self._redactor = redactor
        self._on_answers = on_answers

    def round(self, facts: Sequence[Fact[Any]]) -> list[Any]:
        """Ask for these facts in one round trip. Returns for each its answer or the Refused error. Raises LinkLost."""
        results = self._results(facts)
        answers: dict[int, Any] = {}
        # Text that programs printed is read last. By then the secrets of all other answers are known, and are masked in it.
        for number, fact in sorted(enumerate(facts), key=lambda pair: pair[1].spoken is not None):
            try:
                answers[number] = self._answer(fact, results[number])
            except Refused as error:
                answers[number] = error
        ordered = [answers[number] for number in range(len(facts))]
        self._on_answers(
            [(fact, item) for fact, item in zip(facts, ordered, strict=True) if fact.commands and not isinstance(item, Refused)]
        )
        return ordered

    def _results(self, facts: Sequence[Fact[Any]]) -> list[Result]:
        """Run the commands of the facts, equal ones only once. When Docker itself failed, which says nothing about the question, the
        question is asked again a few times."""
        questions = [Script(script(fact.commands), fact.deadline, fact.keep, fact.input) if fact.commands else None for fact in facts]
        results = dict(self._known)
        asking = list(dict.fromkeys(question for question in questions if question and question not in results))
        for pause in (*PAUSES, None):
            if asking:
                results |= zip(asking, self._link.run_all(asking), strict=True)
            asking = [question for question in asking if results[question].status != 0 and _DOCKER_FAILED.search(results[question].err)]
            if not asking or pause is None:
                break
            time.sleep(pause)
        if self._once:
            self._known = {question: result for question, result in results.items() if result.status == 0}
        return [results[question] if question else _NOT_ASKED for question in questions]

    def _answer(self, fact: Fact[Any], result: Result) -> Any:
        def asked() -> str:
            return self._redactor.clean(fact.asked)[:200]

        alias = self._link.alias
        if result.dropped and not fact.long:
            raise Refused(f"{alias} gave an answer of more than {2 * fact.keep:,} bytes to: {asked()}")
        try:
            if result.status == 0:
                answer = fact.read(result.out)
                self._redactor.protect(fact.hides(answer))
            elif fact.otherwise is not None:
                answer = fact.otherwise(result.err)
            else:
                raise Refused(f"{fact.missing} ({alias}: {said(result)})")
            return fact.spoken(answer, self._redactor.hide) if fact.spoken else answer
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            raise Refused(f"{alias} gave an answer that cannot be understood ({type(error).__name__}) to: {asked()}") from None
