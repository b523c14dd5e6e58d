"""Stand-ins for a real host: recorded answers, and this machine."""

import subprocess
from collections.abc import Sequence
from typing import Any

from rollback_lib.facts.fact import Fact
from rollback_lib.facts.host import Host
from rollback_lib.host.connection import Result
from rollback_lib.host.ending import Ending
from rollback_lib.host.round import Script
from rollback_lib.secrets.secret import Key


class Recorded(Host):
    """A host with known answers, as pairs of a fact and its answer. An exception as an answer is a refusal.

    Every other fact is answered with `otherwise`. `rounds` are the facts that were asked, by round trip.
    """

    def __init__(self, *known: tuple[Fact[Any], object], otherwise: object = None) -> None:
        super().__init__(Key())
        self._known = known
        self._otherwise = otherwise
        self.rounds: list[list[Fact[Any]]] = []

    def round(self, facts: Sequence[Fact[Any]]) -> list[Any]:
        self.rounds.append(list(facts))
        return [self._answer(fact) for fact in facts]

    def _answer(self, fact: Fact[Any]) -> Any:
        if not fact.commands:
            return fact.read("")
        return next((answer for known, answer in self._known if known.commands == fact.commands), self._otherwise)


class OneByOne:
    """A link that runs the scripts of a round one after the other, by `run`."""

    def run(self, script: str, **_: object) -> Result:
        raise NotImplementedError

    def run_all(self, scripts: Sequence[Script]) -> list[Result]:
        return [self.run(script.text, deadline=script.deadline, keep=script.keep, send=script.send) for script in scripts]


class Here(OneByOne):
    """A link to this machine, in place of a host."""

    alias = "here"

    def run(self, script: str, **_: object) -> Result:
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, errors="surrogateescape")
        return Result(Ending.exited(done.returncode), done.stdout, done.stderr, 0, 0.0)
