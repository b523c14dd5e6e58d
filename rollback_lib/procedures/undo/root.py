"""The rollback at the root of a row of undos, and on which side of it the host is meant to be."""

from dataclasses import dataclass

from rollback_lib.facts.host import Host
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures.rollbacks import ROLLBACKS
from rollback_lib.procedures.undo.origin import NAME
from rollback_lib.stack.model import Stack

BEFORE, AFTER = "before", "after"


@dataclass(frozen=True)
class Root:
    """`plan` is the rollback's own; `side` is where a run brought the host: an undo BEFORE it, the undo of that AFTER it."""

    plan: Plan
    side: str

    @classmethod
    def of(cls, plan: Plan) -> "Root":
        """The root of a plan, which may be a rollback's own."""
        if plan.procedure != NAME:
            return cls(plan, AFTER)
        return cls(Plan.from_json(plan.after["root"]), plan.after["side"])

    @property
    def other_side(self) -> str:
        return BEFORE if self.side == AFTER else AFTER

    def reached(self, host: Host, stack: Stack) -> list[Effect]:
        """Where the run brought the host, against what is."""
        return self._look(host, stack, self.side)

    def prior(self, host: Host, stack: Stack) -> list[Effect]:
        """What was before the run, against what is."""
        return self._look(host, stack, self.other_side)

    def _look(self, host: Host, stack: Stack, side: str) -> list[Effect]:
        procedure = ROLLBACKS[self.plan.procedure]
        look = procedure.effects if side == AFTER else procedure.undo_effects
        return look(host, stack, self.plan)
