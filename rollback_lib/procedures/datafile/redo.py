"""Doing a data file rollback again after its undo: what was restored is put in place again."""

from rollback_lib.facts import copies
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Step
from rollback_lib.procedures.datafile import exchange
from rollback_lib.procedures.datafile.noted import After, Before
from rollback_lib.procedures.procedure import Redo
from rollback_lib.stack.model import Stack


def redo(stack: Stack, plan: Plan, incident: str) -> Redo:
    """Exchange the two once more. After the undo, the restored file is still beside the earlier one, with all that was written into it."""
    before, after = Before.read(plan.before), After.read(plan.after)
    stop, put, start = (next(step for step in plan.undo if step.name == name) for name in ("undo_stop", "undo_put", "undo_start"))
    parts = after.parts
    again = exchange.exchange(before.path, parts, incoming=after.undone, out=after.kept)
    first = next((step for step in plan.steps if step.name == "start"), start)
    why = f"What was there goes to {after.kept} again."
    steps = (
        Step("stop_again", stop.title, stop.why, stop.commands, changes=stop.changes, part=stop.part, deadline=stop.deadline),
        Step("put_again", "Put what was restored in place again", why, (again,), changes=put.changes, part=put.part, guards=put.guards,
             deadline=put.deadline),
        Step("start_again", first.title, first.why, first.commands, changes=first.changes, part=first.part, deadline=first.deadline),
    )  # fmt: skip
    return Redo((), steps)


def undo_notes(plan: Plan) -> tuple[str, ...]:
    """What to know before an undo: what was written since the rollback is in the restored file, which is then no longer in use."""
    before = Before.read(plan.before)
    return (
        f"What was written into {before.path} since {copies.incident_of(plan.incident)} goes out of use with it. It is kept beside the "
        "file until someone removes it.",
    )
