"""What is true of a whole stack: what each procedure looked at, and one probe of every route."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from rollback_lib.facts.host import Unanswered
from rollback_lib.facts.inside_container import Answer
from rollback_lib.facts.machine import Machine
from rollback_lib.health.probe import Probe
from rollback_lib.stack.model import Stack

L = TypeVar("L")


@dataclass(frozen=True)
class Ways:
    """How requests come to the services: what the service of each route answers past the proxy, by route, and where the proxy sends
    them."""

    direct: dict[str, Answer | None]
    upstreams: dict[str, tuple[str, ...]] | None


@dataclass(frozen=True)
class StackState:
    """All of it. `looks` are what the procedures looked at, by the labels of their parts (`registry.Part`): the whole state of a
    procedure, or what its triage asks beside or instead. Unanswered where the host did not say."""

    stack: Stack
    ways: Ways | Unanswered
    machine: Machine | Unanswered
    looks: Mapping[str, Any]
    probes: tuple[Probe, ...] = ()

    def every(self, kind: type[L]) -> list[L]:
        """The looks of that type, which is how a procedure reads what another one saw."""
        return [one for one in self.looks.values() if isinstance(one, kind)]

    def of(self, kind: type[L]) -> L | None:
        """The look of that type; None where the host did not say, or the stack has no such section."""
        return next(iter(self.every(kind)), None)
