"""The reasons for a redeploy: what is wrong with the stack now, and what is known of the commit in the tree."""

from rollback_lib.facts import docker, releases
from rollback_lib.plan.plan import Rationale, some
from rollback_lib.procedures.redeploy.state import State, lost
from rollback_lib.procedures.redeploy.target import Target


def rationale(now: State, target: Target) -> Rationale:
    """The reasons, taken from containers, networks, and the ledger of releases. Without a tree, what the ledger knows of the running
    image counts."""
    down = [f"{one.name} is {one.state}" for one in now.containers if one.state != "running" and one.service in now.services]
    gone = [f"{container} is not on {network}" for container, network in lost(now)]
    runs = docker.newest(now.of(now.stack.main))
    sha, image = (target.commit.sha, "") if target.commit else ("", runs.image if runs else "")
    known, stable = releases.standing(now.releases, sha, image)
    return Rationale(some([*gone, *down], 6), f"{target.words}: {known}", None if target.dirty else stable)
