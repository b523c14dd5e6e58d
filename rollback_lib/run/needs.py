"""Whether a plan needs the approval of another person."""

from datetime import UTC, datetime

from rollback_lib.plan.plan import Plan
from rollback_lib.stack.model import Stack

_LOSES = "database"  # whoever asks for an approval before this procedure asks for it before any loss of data
_NEVER = "undo"  # the way back was shown with the plan that was approved


def procedures(plan: Plan) -> tuple[str, ...]:
    """The procedures by which an approval of the plan may be demanded; none for a plan that never needs one."""
    if plan.procedure == _NEVER or not plan.touches:
        return ()
    return tuple(dict.fromkeys((plan.procedure, *([_LOSES] if plan.costs_data else []))))


def why(stack: Stack, plan: Plan) -> str:
    """Why the plan needs an approval today, as a part of a sentence; "" if it needs none."""
    return stack.approval.why(named, datetime.now(UTC).date()) if stack.approval and (named := procedures(plan)) else ""
