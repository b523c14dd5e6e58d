"""Whether an env file could be rolled back right now."""

from rollback_lib.facts.host import Unanswered
from rollback_lib.procedures.common import snapshots
from rollback_lib.procedures.common.readiness import REMEMBER, Readiness, Seen
from rollback_lib.procedures.common.rows import AMBER, GREEN, RED, Row
from rollback_lib.procedures.env.keeping import KEEPING
from rollback_lib.procedures.env.state import State
from rollback_lib.procedures.env.target import Target


def rows(seen: Seen[State, Target]) -> list[Row]:
    """The file as it is, where that is kept; else the version to go back to."""
    held, chosen = seen.state, seen.target
    if isinstance(held, Unanswered):
        return [Row(seen.label, RED, held.why, "fix that on the host")]
    if held.unreadable:
        return [Row(seen.label, RED, f"compose cannot read the file: {held.unreadable}", "fix that line, or roll it back")]
    known, good = snapshots.standing(held.versions, held.content)
    if good:
        return [Row(seen.label, GREEN, f"the file as it is is kept: {known}")]
    if (kept := seen.tried.get(REMEMBER)) and kept.ok:
        return [Row(seen.label, GREEN, "the file as it is is kept, from now on, as healthy here")]
    if isinstance(chosen, Unanswered):
        do = "run this with --apply while the stack is healthy: it keeps it"
        return [Row(seen.label, AMBER, "no version of the file is kept yet", do)]
    return [Row(seen.label, GREEN, f"would go back to {chosen.name}, {chosen.why}")]


READINESS: Readiness[State, Target] = Readiness(rank=30, rows=rows, state=lambda state: state, keeping=KEEPING)
