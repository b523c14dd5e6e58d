"""The plan of readiness: build the earlier commit, restore the newest backup of each database and drop it again, and keep what is healthy
now."""

from collections.abc import Iterable

from rollback_lib.commands.command import Command
from rollback_lib.facts import restores as ledger
from rollback_lib.facts.host import Unanswered
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Changes, Step, When
from rollback_lib.procedures import code, database, mark
from rollback_lib.procedures.code.look import Look as Code
from rollback_lib.procedures.code.look import from_registry
from rollback_lib.procedures.common import snapshots
from rollback_lib.procedures.readiness.noted import After
from rollback_lib.procedures.readiness.state import NAME, State, Target

RESTORE = "restore_"
NOT_KEPT = "nothing is new since the last time, or what runs is not known"


def plan(now: State, target: Target, *, incident: str) -> Plan:
    """The plan with all trials. None of them changes the stack."""
    stack = now.stack
    made = _restores(now, target, incident)
    noted = [database.After.read(one.after) for _, one in made]
    cleanup = tuple(command for _, one in made for command in one.cleanup)
    build, remember = _build(now, target, incident), _remember(now, incident)
    steps = (
        Step("build", "Build the commit that a rollback would go back to", "Under a rollback/ name, which is removed again.",
             (snapshots.folders(stack, "before", "build"), *build), changes=Changes.TRIAL, deadline=code.BUILD_DEADLINE,
             skip=None if build else "nothing is built here, there is no such commit, or the image comes from a registry"),
        *(_restore(now, backup, one, incident) for backup, one in made),
        Step("drop", "Drop what was restored", "It was only a trial.", cleanup, changes=Changes.TRIAL, deadline=300.0,
             skip=None if made else "nothing was restored"),
        remember,
    )  # fmt: skip
    return Plan(
        procedure=NAME, incident=incident, stack=stack.name, host=stack.host, target=target.name, steps=steps, undo=(),
        cleanup=(*cleanup, *_unbuild(_images(now, target, incident).values())), 
        facts=(("host", stack.host), ("changes", "nothing that serves")),
        after=After(restored={one.section: one.beside for one in noted}, unkept=remember.skip).plain(),
    )  # fmt: skip


def restores(plan: Plan) -> tuple[Step, ...]:
    """The steps that restore a backup."""
    return tuple(step for step in plan.steps if step.name.startswith(RESTORE))


def restore_name(database: str) -> str:
    """The name of the step that restores the backup of a database."""
    return RESTORE + database.replace(".", "_")


def _restore(now: State, backup: database.Backup, made: Plan, incident: str) -> Step:
    name = database.After.read(made.after).section
    commands = [command for step in made.steps if step.name in ("create", "restore", "prepare") for command in step.script]
    enter = ledger.enter(f"{now.stack.state}/{ledger.FILE}", backup, incident)
    title, why = f"Restore {backup.name} beside {name}", "For real, to its end; the live database is not touched."
    return Step(restore_name(name), title, why, (*commands, enter), changes=Changes.TRIAL, deadline=database.RESTORE_DEADLINE)


def _images(now: State, target: Target, incident: str) -> dict[str, str]:
    """The names of the images that are built for the trial, by service."""
    if target.code is None or isinstance(target.code, Unanswered):
        return {}
    return {name: now.stack.kept_image(name, f"readiness-{incident}") for name in target.code.services}


def _build(now: State, target: Target, incident: str) -> tuple[Command, ...]:
    deployed = now.look.of(Code)
    images = _images(now, target, incident)
    if not (isinstance(target.code, code.Target) and deployed and images) or of_registry(now):
        return ()
    return (*code.build(deployed.state, target.code, images), *_unbuild(images.values()))


def of_registry(now: State) -> bool:
    """Whether the service's image comes from a registry."""
    deployed = now.look.of(Code)
    return deployed is not None and from_registry(deployed.state)


def _unbuild(images: Iterable[str]) -> tuple[Command, ...]:
    return tuple(Command.of("sh", "-c", 'docker image rm "$1" >/dev/null 2>&1 || :', "sh", image) for image in images)


def _restores(now: State, target: Target, incident: str) -> list[tuple[database.Backup, Plan]]:
    """The backups that can be restored, each with the plan of a rollback to it."""
    found = []
    for name, one in target.databases.items():
        state = now.databases[name]
        if not isinstance(one, Unanswered) and not isinstance(state, Unanswered):
            found.append((one.backup, database.plan(state, one, incident=incident)))
    return found


def _remember(now: State, incident: str) -> Step:
    title, why = "Keep what is healthy", "The next rollback goes back to it: release, env file, Caddyfile."
    commands = [] if isinstance(now.release, Unanswered) else mark.known_good(now.release, incident)
    if not commands:
        return Step("remember", title, why, skip=NOT_KEPT, when=When.HEALTHY)
    return Step("remember", title, why, (snapshots.folders(now.stack, "kept"), *commands), when=When.HEALTHY)
