"""The steps of a release rollback that concern databases. Their commands are those of the database rollback."""

from dataclasses import replace

from rollback_lib.commands.command import Command
from rollback_lib.plan.plan import Plan, some
from rollback_lib.plan.step import Changes, Step, When
from rollback_lib.procedures import database
from rollback_lib.procedures.common import recreate, replicas
from rollback_lib.procedures.release.parts import Parts, swap_of
from rollback_lib.procedures.release.services import attach_again
from rollback_lib.procedures.release.state import State
from rollback_lib.procedures.release.target import Target

_NO_DATABASE = "no database is part of this plan"
_RECONNECT = ("Recreate the services that use the databases", "For services that do not reconnect by themselves.")
_NO_CLIENT = "the stack names no container in `used_by`: services are to reconnect by themselves"


def restore(made: Parts) -> Step:
    """The restore of all databases. The live ones are not touched, so a failure leaves everything as it was."""
    names = some(list(made.databases))
    if not names:
        return Step("restore", "Restore the databases", "Beside the live ones.", skip=_NO_DATABASE)
    return Step("restore", f"Restore {names} beside the live one", "Before anything stops. It stops at the first error.",
                made.commands("create", "restore", "prepare"), guards=made.guards("restore"),
                deadline=database.RESTORE_DEADLINE * len(made.databases))  # fmt: skip


def swaps(made: Parts) -> tuple[Step, ...]:
    """A step for each database: each is swapped either completely or not at all."""
    if not made.databases:
        return (Step("swap", "Swap the databases", "Last of all.", part=database.NAMES, skip=_NO_DATABASE),)
    return tuple(
        replace(plan.swap, name=swap_of(name), title=f"{plan.swap.title} of {name}") for name, plan in made.databases.items()
    )  # fmt: skip


def reconnect(now: State, target: Target, made: Parts) -> Step:
    """New containers for the services that use the databases, also for those that were recreated before the swap."""
    again = {name: target.recreate[name] for name in _clients(now, target)}
    commands = (*made.commands("reconnect"), *recreate.up(again), *attach_again(now, again))
    if not commands:
        return Step("reconnect", *_RECONNECT, skip=_NO_CLIENT if made.databases else _NO_DATABASE)
    return Step("reconnect", *_RECONNECT, commands, changes=Changes.STACK, part=replicas.PART, when=When.UNHEALTHY)


def _clients(now: State, target: Target) -> list[str]:
    """The recreated services that use the databases."""
    mine = {one.name for there, _ in target.databases.values() for found in there.clients.values() for one in found}
    return [name for name in target.recreate if any(one.name in mine for one in now.of(name))]


def undo(now: State, target: Target, made: Parts, ran: recreate.Ways) -> tuple[Step, ...]:
    """The way back for the databases. It comes last as well, so that everything else is back if a server does not answer. What was restored
    and never swapped in is dropped. `ran` are the services that were recreated."""
    if not made.databases:
        return ()
    back = (*made.commands("undo_swap", undo=True), *(_drop(now, plan) for plan in made.databases.values()))
    found = [Step("undo_swap", "Swap the databases back", "What was restored stays beside them, with all that was written since.", back,
                  changes=Changes.STACK, part=database.NAMES, deadline=database.SWAP_DEADLINE * len(made.databases))]  # fmt: skip
    again = {name: ran[name] for name in _clients(now, target) if name in ran}
    commands = (*made.commands("undo_reconnect", undo=True), *recreate.up(again), *attach_again(now, again))
    if commands:
        found.append(Step("undo_reconnect", *_RECONNECT, commands, changes=Changes.STACK, part=replicas.PART, when=When.UNHEALTHY))
    return tuple(found)


def _drop(now: State, plan: Plan) -> Command:
    """The command that drops a restored database; after its swap there is none of that name."""
    after = database.After.read(plan.after)
    section = database.section(now.stack, after.section)
    return database.kind_of(section).drop(after.beside)


def facts(made: Parts) -> list[tuple[str, str]]:
    """What the plans of the databases say of them."""
    if not made.databases:
        return [("databases", "left as they are")]
    return [(f"{name}: {word}", said) for name, plan in made.databases.items() for word, said in plan.facts if word != "host"]


def schemas(target: Target) -> dict[str, str]:
    """The hashes of tables and columns that the databases had at the release, as far as they were entered."""
    entered = target.release.databases or {}
    return {name: entered[name].schema for name in target.databases if name in entered and entered[name].schema}
