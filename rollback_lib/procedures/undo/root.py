"""The rollback at the root of a row of undos, and on which side of it the host is meant to be."""

from dataclasses import dataclass

from rollback_lib.facts.host import Host
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures.registry import procedure
from rollback_lib.procedures.undo.noted import After, Side
from rollback_lib.procedures.undo.origin import NAME
from rollback_lib.stack.model import Stack


@dataclass(frozen=True)
class Root:
    """`plan` is the rollback's own; `side` is where a run brought the host: an undo to before it, the undo of that to after it."""

    plan: Plan
    side: Side

    @classmethod
    def of(cls, plan: Plan) -> "Root":
        """The root of a plan, which may be a rollback's own."""
        if plan.procedure != NAME:
            return cls(plan, Side.AFTER)
        after = After.read(plan.after)
        return cls(after.root, after.side)

    def reached(self, host: Host, stack: Stack) -> list[Effect]:
        """Where the run brought the host, against what is."""
        return self._look(host, stack, self.side)

    def prior(self, host: Host, stack: Stack) -> list[Effect]:
        """What was before the run, against what is."""
        return self._look(host, stack, self.side.other)

    def _look(self, host: Host, stack: Stack, side: Side) -> list[Effect]:
        of = procedure(self.plan.procedure)
        look = of.effects if side is Side.AFTER else of.undo_effects
        return look(host, stack, self.plan)
