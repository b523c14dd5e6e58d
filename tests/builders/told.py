"""A host that is told what its commands print, by a part of each command: what reads the answers is tried with it."""

from collections.abc import Sequence
from typing import Any

from rollback_lib.errors import Refused
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.host import Host
from rollback_lib.secrets.secret import Key

FAILS = object()


class Told(Host):
    """`known` are pairs of a part of a command and what it prints: text that the fact reads, the answer itself, a function of the fact that
    makes one, or FAILS. The first that fits counts. What is told nothing fails where a failure is an answer, else prints nothing."""

    def __init__(self, *known: tuple[str, object]) -> None:
        super().__init__(Key())
        self._known = known
        self.asked: list[list[str]] = []

    def round(self, facts: Sequence[Fact[Any]]) -> list[Any]:
        self.asked.append([_words(fact) for fact in facts])
        return [self._answer(fact) for fact in facts]

    def _answer(self, fact: Fact[Any]) -> Any:
        words = _words(fact)
        said = next((said for part, said in self._known if part in words), FAILS if fact.otherwise else "")
        said = said(fact) if callable(said) else said
        if said is FAILS:
            return fact.otherwise("") if fact.otherwise else Refused(fact.missing)
        return fact.read(said) if isinstance(said, str) else said


def _words(fact: Fact[Any]) -> str:
    return "\n".join(command.shell() for command in fact.commands)
