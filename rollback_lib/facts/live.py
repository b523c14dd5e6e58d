"""The host of a run: asked over its link."""

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

AGAIN = (0.2, 0.5, 1.0)  # seconds before a fact is asked again
# While Docker or a container is starting again, a `docker exec` may end so, whatever its command would have said.
_STUMBLED = re.compile(r"OCI runtime exec failed|connection reset by peer|error during connect|unexpected EOF")
_NOT_ASKED = Result(Ending.exited(0), "", "", 0, 0.0)
Heard = list[tuple[Fact[Any], Any]]


class LiveHost(Host):
    """What an answer hides, `redactor` knows before anybody sees an answer; `on_heard` is told of the answers of each round."""

    def __init__(self, link: Link, redactor: Redactor, key: Key, on_heard: Callable[[Heard], None] = lambda _: None) -> None:
        super().__init__(key)
        self._link = link
        self._redactor = redactor
        self._on_heard = on_heard

    def round(self, facts: Sequence[Fact[Any]]) -> list[Any]:
        """Raises LinkLost."""
        results = self._hear(facts)
        answers: dict[int, Any] = {}
        # What programs said comes last: by then, the secrets of all other answers are known.
        for number, fact in sorted(enumerate(facts), key=lambda one: one[1].spoken is not None):
            try:
                answers[number] = self._answer(fact, results[number])
            except Refused as error:
                answers[number] = error
        heard = [answers[number] for number in range(len(facts))]
        self._on_heard([(fact, one) for fact, one in zip(facts, heard, strict=True) if fact.commands and not isinstance(one, Refused)])
        return heard

    def _hear(self, facts: Sequence[Fact[Any]]) -> list[Result]:
        """What their commands say, each question asked once; again, a few times, where Docker itself stumbled: that tells nothing of
        what was asked."""
        questions = [Script(script(fact.commands), fact.deadline, fact.keep, fact.input) if fact.commands else None for fact in facts]
        heard: dict[Script, Result] = {}
        asking = list(dict.fromkeys(one for one in questions if one))
        for pause in (*AGAIN, None):
            if asking:
                heard |= zip(asking, self._link.run_all(asking), strict=True)
            asking = [one for one in asking if heard[one].status != 0 and _STUMBLED.search(heard[one].err)]
            if not asking or pause is None:
                break
            time.sleep(pause)
        return [heard[one] if one else _NOT_ASKED for one in questions]

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
