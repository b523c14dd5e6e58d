"""Doing a redeploy again after its undo: its files are put in place again."""

from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Changes, Step
from rollback_lib.procedures.procedure import Redo, same_steps
from rollback_lib.procedures.redeploy.plan import files_again
from rollback_lib.stack.model import Stack


def redo(stack: Stack, plan: Plan, incident: str) -> Redo:
    """Put the files back, which the undo has kept as it found them, and repeat the steps."""
    files = files_again(stack, plan.incident)
    put = Step("files_again", "Put the newer files back", "Those in place are the earlier ones.", files, changes=Changes.STACK)
    return Redo((), (put, *same_steps(stack, plan, incident).steps))
