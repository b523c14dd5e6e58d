"""The reasons for a redeploy: what is wrong with the stack now, and what is known of the commit in the tree."""

from rollback_lib.facts import releases
from rollback_lib.plan.plan import Rationale, some
from rollback_lib.procedures.redeploy.state import State, lost
from rollback_lib.procedures.redeploy.target import Target


def rationale(now: State, target: Target) -> Rationale:
    """The reasons, taken from containers, networks, and the ledger of releases."""
    down = [f"{one.name} is {one.state}" for one in now.containers if one.state != "running" and one.service in now.services]
    gone = [f"{container} is not on {network}" for container, network in lost(now)]
    known, stable = releases.standing(now.releases, target.commit.sha)
    return Rationale(some([*gone, *down], 6), f"{target.commit.short}: {known}", None if target.dirty else stable)
