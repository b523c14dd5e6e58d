"""Doing a database rollback again after its undo: the restored database is put in place again."""

from rollback_lib.facts import copies
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Changes, Step
from rollback_lib.procedures.database import kinds
from rollback_lib.procedures.database.noted import After, Before
from rollback_lib.procedures.database.plan import SWAP_DEADLINE
from rollback_lib.procedures.database.state import beside, section
from rollback_lib.procedures.procedure import Redo
from rollback_lib.stack.model import Stack


def redo(stack: Stack, plan: Plan, incident: str) -> Redo:
    """Swap the names once more. After the undo the restored database still exists beside the live one, with everything that was written
    into it."""
    before, after = Before.read(plan.before), After.read(plan.after)
    entry, name, kept = section(stack, after.section), before.database, after.kept
    undone = beside(name, "undone", plan.incident)
    back = kinds.of(entry).swap(live=name, aside=kept, incoming=undone)
    put = Step("swap_again", "Swap the two names again", f"The earlier database is {kept} again.", (back,), changes=Changes.AT_ONCE,
                deadline=SWAP_DEADLINE)  # fmt: skip
    return Redo((), (put, *(step for step in plan.steps if step.name == "reconnect" and not step.skip)))


def undo_notes(plan: Plan) -> tuple[str, ...]:
    """What to know before an undo: rows written since the rollback are in the restored database, which is then no longer in use."""
    live = Before.read(plan.before).database
    return (
        f"What was written into {live} since {copies.incident_of(plan.incident)} goes out of use with it. It is kept beside the live "
        "database until someone drops it.",
    )
