"""Guard: watch a release for a while after its deploy. If it holds, it is marked; if not, it is rolled back, or that is planned."""

from dataclasses import replace

from rollback_lib.errors import ParameterError
from rollback_lib.facts.host import Host
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures import mark
from rollback_lib.procedures.guard.crashes import crashed, replaced, restarted
from rollback_lib.procedures.guard.outcome import Held, Lapse, NotHeld, RolledBack
from rollback_lib.procedures.guard.way_back import WayBack, way_back
from rollback_lib.procedures.procedure import Procedure
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

__all__ = [
    "NAME", "PROCEDURE", "Held", "Lapse", "NotHeld", "RolledBack", "WayBack", "check", "crashed", "markable", "plan", "replaced",
    "restarted", "way_back",
]  # fmt: skip

NAME = "guard"
ROLLBACKS = ("plan", "apply")


def check(stack: Stack, hold: object = "", rollback: object = "plan") -> None:
    """Check the parameters before anything is contacted. Raises ParameterError."""
    if times.span(str(hold)) is None:
        raise ParameterError(f"for: a time such as 90s, 10m or 1h is expected, not {hold!r}")
    if rollback not in ROLLBACKS:
        raise ParameterError(f"rollback: one of {', '.join(ROLLBACKS)} is expected, not {rollback!r}")


def markable(host: Host, now: mark.State) -> mark.Target:
    """What a mark would enter if the release holds. Who holds the lock now does not matter yet. Raises TargetRefused if there is nothing
    to enter, so that this is not said only after the whole time."""
    return mark.examine(host, replace(now, holder=None), "")


def plan(now: mark.State, target: mark.Target, *, incident: str) -> Plan:
    """The plan of the mark, as the guard's own."""
    return replace(mark.plan(now, target, incident=incident), procedure=NAME)


PROCEDURE = Procedure(name=NAME, size=96, check=check, document=mark.document, examine=mark.examine, plan=plan)
