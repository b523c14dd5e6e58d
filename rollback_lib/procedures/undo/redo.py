"""The way forward again after an undo: the steps that were undone, made so that they can be done once more."""

from collections.abc import Callable
from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.commands.psql import Postgres
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Changes, Step
from rollback_lib.procedures import caddyfile, code, database, env, image, redeploy
from rollback_lib.procedures.common import replace_file, snapshots
from rollback_lib.stack.model import Stack


@dataclass(frozen=True)
class Again:
    """`keep` are commands to run before the undo, `steps` lead from the state before the run to that after it."""

    keep: tuple[Command, ...]
    steps: tuple[Step, ...]


def again(stack: Stack, plan: Plan, incident: str) -> Again:
    """How the run with that plan is done again after the undo called `incident`."""
    return _OF.get(plan.procedure, _same_steps)(stack, plan, incident)


def _same_steps(stack: Stack, plan: Plan, incident: str) -> Again:
    """What the steps need is still kept: images under tags of ours, the file that was put in place."""
    return Again((), tuple(step for step in plan.steps if step.touches and not step.skip))


def _env(stack: Stack, plan: Plan, incident: str) -> Again:
    """Values that were sent are kept nowhere but in the file itself, so that is kept."""
    path = stack.section(env.NAME).file
    kept = snapshots.before(stack, incident, replace_file.KEPT)
    part = f"{path}.{incident}.part"
    # The real file, where the name is a link to it.
    back = Command.of("sh", "-euc", 'cp -p "$1" "$2"; mv -f "$2" "$(readlink -f "$3")"', "sh", kept, part, path)
    put = Step("put_again", "Put the target in place again", "As it was before the undo.", (back,), changes=Changes.STACK)
    return Again((Command.of("cp", "-p", path, kept),), (put, *(step for step in plan.steps if step.name == "recreate" and not step.skip)))


def _database(stack: Stack, plan: Plan, incident: str) -> Again:
    """The restored database is beside the live one after the undo, with all that was written into it."""
    one = database.section(stack, plan.after["section"])
    name, kept = plan.before["database"], plan.after["kept"]
    undone = database.beside(name, "undone", plan.incident)
    back = database.swap(Postgres(one.container, one.user), database.maintenance(one), live=name, aside=kept, incoming=undone)
    swap = Step("swap_again", "Swap the two names again", f"The database of before is {kept} again.", (back,), changes=Changes.AT_ONCE,
                deadline=database.SWAP_DEADLINE)  # fmt: skip
    return Again((), (swap, *(step for step in plan.steps if step.name == "reconnect" and not step.skip)))


def _redeploy(stack: Stack, plan: Plan, incident: str) -> Again:
    """The files as the undo found them were kept by it."""
    files = redeploy.files_again(stack, plan.incident)
    put = Step("files_again", "Put the files of after back", "Those that are there are the ones of before.", files, changes=Changes.STACK)
    return Again((), (put, *_same_steps(stack, plan, incident).steps))


_OF: dict[str, Callable[[Stack, Plan, str], Again]] = {
    code.NAME: _same_steps, image.NAME: _same_steps, caddyfile.NAME: _same_steps,
    env.NAME: _env, database.NAME: _database, redeploy.NAME: _redeploy,
}  # fmt: skip
