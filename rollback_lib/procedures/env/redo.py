"""Doing an env rollback again after its undo: the env file is put in place again."""

from rollback_lib.commands.command import Command
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Changes, Step
from rollback_lib.procedures.common import replace_file, snapshots
from rollback_lib.procedures.env.noted import Before
from rollback_lib.procedures.procedure import Redo
from rollback_lib.stack.model import Stack


def redo(stack: Stack, plan: Plan, incident: str) -> Redo:
    """Keep the file before the undo, and put it back afterwards. Values that were sent exist only in this file."""
    path = Before.read(plan.before).path
    kept = snapshots.before(stack, incident, replace_file.KEPT)
    part = f"{path}.{incident}.part"
    # If the name is a link, the file that it points to.
    back = Command.of("sh", "-euc", 'cp -p "$1" "$2"; mv -f "$2" "$(readlink -f "$3")"', "sh", kept, part, path)
    put = Step("put_again", "Put the target in place again", "As it was before the undo.", (back,), changes=Changes.STACK)
    return Redo((Command.of("cp", "-p", path, kept),), (put, *(step for step in plan.steps if step.name == "recreate" and not step.skip)))
