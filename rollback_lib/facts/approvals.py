"""The requests for an approval of a stack, with what was given to them so far."""

from rollback_lib.facts.fact import Fact
from rollback_lib.host import approvals
from rollback_lib.host.approvals import Filed


def filed(state: str) -> Fact[list[Filed]]:
    """The newest requests, the newest first."""
    return Fact((approvals.look(state),), approvals.read, missing=f"the requests for an approval in {state} cannot be read")


def plan(state: str, incident: str) -> Fact[str]:
    """The plan that is to be approved; "" if there is none."""
    return Fact((approvals.plan(state, incident),), str, otherwise=lambda _: "", keep=approvals.LONGEST_PLAN)
