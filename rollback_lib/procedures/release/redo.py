"""Doing a release rollback again after its undo: the same steps, and restored databases are put in place again, with what was written into
them."""

from dataclasses import replace

from rollback_lib.plan.plan import Plan
from rollback_lib.procedures import database
from rollback_lib.procedures.procedure import Redo, same_steps
from rollback_lib.procedures.release import parts
from rollback_lib.stack.model import Stack


def redo(stack: Stack, plan: Plan, incident: str) -> Redo:
    """The steps of the run, each swap of a database as its own procedure does it again."""
    again = {parts.swap_of(name): database.redo(stack, part, incident).steps[0] for name, part in parts.databases(plan).items()}
    steps = same_steps(stack, plan, incident).steps
    return Redo((), tuple(replace(again[step.name], name=f"{step.name}_again") if step.name in again else step for step in steps))


def undo_notes(plan: Plan) -> tuple[str, ...]:
    """What to know before an undo: what its databases say."""
    return tuple(note for part in parts.databases(plan).values() for note in database.undo_notes(part))
