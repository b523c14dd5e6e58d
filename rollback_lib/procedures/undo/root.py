"""The root of a chain of undos: the rollback that it began with, and the side of that rollback to which a run leads."""

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
    """The plan of the rollback, and the side to which a run brought the host. An undo leads to the side before the rollback, the undo of
    that undo to the side after it, and so on."""

    plan: Plan
    side: Side

    @classmethod
    def of(cls, plan: Plan) -> "Root":
        """The root of a plan. The plan of a rollback is its own root."""
        if plan.procedure != NAME:
            return cls(plan, Side.AFTER)
        after = After.read(plan.after)
        return cls(after.root, after.side)

    def reached(self, host: Host, stack: Stack) -> list[Effect]:
        """The state after the run, compared with the host now."""
        return self._look(host, stack, self.side)

    def prior(self, host: Host, stack: Stack) -> list[Effect]:
        """The state before the run, compared with the host now."""
        return self._look(host, stack, self.side.other)

    def _look(self, host: Host, stack: Stack, side: Side) -> list[Effect]:
        of = procedure(self.plan.procedure)
        look = of.effects if side is Side.AFTER else of.undo_effects
        return look(host, stack, self.plan)
