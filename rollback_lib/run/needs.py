"""Whether a plan needs the approval of another person, and what a run shows of it. How it is asked for is in `approving`, which is imported
only where a stack asks for one."""

from datetime import UTC, datetime

from rollback_lib.host.approvals import Permit
from rollback_lib.plan.plan import Plan
from rollback_lib.record.folder import Folder
from rollback_lib.stack.model import Stack

FOLDER = "approval"  # of a record: what was approved
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


def permit(folder: Folder, plan: Plan) -> Permit:
    """What the run with that record shows to the host, which may demand an approval by itself."""
    named, state = procedures(plan), folder.state
    if named and state.break_glass:
        return Permit(named, break_glass=state.break_glass)
    if named and state.approved.get("plan") == plan.hash:
        return Permit(named, state.approved["incident"], (folder.path / FOLDER / "request.json").read_text())
    return Permit(named)
