"""The state of a whole stack: the looks of all procedures, and one probe of every route."""

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
    """How requests reach the services. `direct` holds, by route, what its service answers to a request that does not go through the proxy,
    None if it does not run. `upstreams` holds, by host name, the addresses to which the proxy sends requests, None if it does not say."""

    direct: dict[str, Answer | None]
    upstreams: dict[str, tuple[str, ...]] | None


@dataclass(frozen=True)
class StackState:
    """The state of a stack. `looks` holds the looks of the procedures, by the labels of their parts (`registry.Part`). A value is
    Unanswered if the host gave no answer."""

    stack: Stack
    ways: Ways | Unanswered
    machine: Machine | Unanswered
    looks: Mapping[str, Any]
    probes: tuple[Probe, ...] = ()

    def every(self, kind: type[L]) -> list[L]:
        """All looks of a type. A procedure uses this to read the look of another one."""
        return [one for one in self.looks.values() if isinstance(one, kind)]

    def of(self, kind: type[L]) -> L | None:
        """The look of a type; None if the host gave no answer, or the stack has no such section."""
        return next(iter(self.every(kind)), None)
