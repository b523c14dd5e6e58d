"""That a plan can be carried out by the user we are logged in as: found before anything is changed."""

from rollback_lib.errors import Refused
from rollback_lib.facts import access
from rollback_lib.facts.account import Account
from rollback_lib.facts.fact import Dialogue
from rollback_lib.plan import Plan

_SHOWN = 3  # sentences


def check(plan: Plan, here: Account) -> Dialogue[None]:
    """Raises Refused where the plan writes what this user may not write."""
    if plan.nothing_to_do or not plan.writes:
        return
    blocked: list[str] = (yield {"blocked": access.blocked(plan.writes)})["blocked"]
    if blocked:
        more = f"; and {len(blocked) - _SHOWN} more" if len(blocked) > _SHOWN else ""
        raise Refused(f"{'; '.join(blocked[:_SHOWN])}{more}: let root give {here.user} that right, or log in as root")
