"""Whether the stack could be redeployed right now, and whether it stands as it should."""

from rollback_lib.facts.host import Unanswered
from rollback_lib.plan.plan import some
from rollback_lib.procedures.common.readiness import Readiness, Seen
from rollback_lib.procedures.common.rows import GREEN, RED, Row
from rollback_lib.procedures.redeploy.state import State
from rollback_lib.procedures.redeploy.target import Target


def rows(seen: Seen[State, Target]) -> list[Row]:
    """Networks, containers, and the redeploy itself."""
    lost = [f"{container} is not on {network}" for container, network in seen.symptoms.lost]
    do = "put it back, or redeploy: `rollback run redeploy`" if lost else ""
    found = [Row("networks", RED if lost else GREEN, some(lost) or "every container is on every network it should be on", do)]
    if seen.symptoms.down:
        found.append(Row("containers", RED, f"not running: {some(list(seen.symptoms.down))}", "find out why: `rollback run triage`"))
    if isinstance(seen.target, Unanswered):
        return [*found, Row("redeploy", RED, seen.target.why, "fix that, or there is no redeploy")]
    return [*found, Row("redeploy", GREEN, f"{seen.target.words} could be deployed, there is room to build it")]


READINESS: Readiness[State, Target] = Readiness(rank=50, whole=True, rows=rows, state=lambda state: state)
