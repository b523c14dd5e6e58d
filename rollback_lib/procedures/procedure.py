"""What a procedure is to the rest of the house. Procedures ask a host that they are given, and never open a connection."""

import re
from typing import Any, Protocol

from rollback_lib.errors import ParameterError
from rollback_lib.facts.host import Host
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Loss, Plan
from rollback_lib.stack.model import Stack


def check_target(target: object, shape: re.Pattern[str], expected: str) -> None:
    """A target as a person gives it: a text of that shape, or an empty one. Raises ParameterError."""
    if not isinstance(target, str):
        raise ParameterError(f"target: a text is expected, but the number {target!r} arrived; give it with `-r target …` or in quotes")
    if target and not shape.fullmatch(target):
        raise ParameterError(f"target: {expected} is expected, not {target[:60]!r}; take one from the list of candidates")


class Procedure(Protocol):
    """A module of this package. State and target are types of its own, each with a view in `notebook`."""

    NAME: str

    def check(self, stack: Stack, **parameters: Any) -> None:
        """The procedure's own parameters, before anything is contacted. Raises ParameterError."""

    def document(self, host: Host, stack: Stack, **options: Any) -> Any:
        """What is true now: the state."""

    def examine(self, host: Host, now: Any, target: str, **options: Any) -> Any:
        """The target, proven as far as looking can prove it. Raises TargetRefused."""

    def plan(self, now: Any, target: Any, *, incident: str, **options: Any) -> Plan:
        """How to get from the state to the target. Raises Refused where something would be lost."""

    def effects(self, host: Host, stack: Stack, plan: Plan) -> list[Effect]:
        """Whether the rollback has the effect that was asked for."""

    def undo_effects(self, host: Host, stack: Stack, plan: Plan) -> list[Effect]:
        """Whether the host is back where it was before the rollback."""

    def weigh(self, host: Host, stack: Stack, plan: Plan) -> Loss:
        """What a step that loses something would lose, for a run that goes on with a plan; only where a plan has such steps."""

    def assumed(self, host: Host, stack: Stack, plan: Plan) -> list[Effect]:
        """Whether the host is as the plan assumed it to be before its first change."""
