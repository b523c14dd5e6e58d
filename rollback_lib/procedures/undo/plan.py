"""The plan of an undo: how to bring the host back to the state before a run, and how to check that it is."""

from collections.abc import Iterator

from rollback_lib.commands.command import Command
from rollback_lib.facts.host import Host
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan, Rationale
from rollback_lib.plan.step import Step
from rollback_lib.procedures.common import snapshots
from rollback_lib.procedures.registry import procedure
from rollback_lib.procedures.undo.noted import After, Before
from rollback_lib.procedures.undo.origin import NAME, Origin
from rollback_lib.procedures.undo.root import Root
from rollback_lib.procedures.undo.state import State, Target, strange
from rollback_lib.stack.model import Stack


def plan(now: State, target: Target, *, incident: str) -> Plan:
    """The plan from `now` to `target`. Its steps are the undo steps of the run. Its own undo does the rollback again, unless the run did
    not finish."""
    stack, origin = now.stack, target.origin
    made = origin.plan
    root = Root.of(made)
    forward = procedure(made.procedure).redo(stack, made, incident)
    return Plan(
        procedure=NAME,
        incident=incident,
        stack=stack.name,
        host=stack.host,
        target=target.name,
        steps=(_keep(stack, forward.keep), *made.undo),
        undo=() if origin.half else forward.steps,
        facts=_rows(origin, target),
        notes=_notes(now),
        routes=origin.routes,
        removes=made.removes,
        writes=made.writes,
        rationale=_grounds(origin),
        before=Before(found={effect.name: effect.found for effect in now.found}).plain(),
        after=After(root=root.plan, side=root.side.other, half=origin.half).plain(),
    )


def effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state before the run that is undone, compared with the host now."""
    return Root.of(plan).reached(host, stack)


def undo_effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state after the run that is undone, compared with the host now."""
    return Root.of(plan).prior(host, stack)


def assumed(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """Whether the host is as the run that is undone left it. An effect that does not count is shown as it was found."""
    root = Root.of(plan)
    there = root.prior(host, stack)
    back = root.reached(host, stack)
    moved = {effect.name for effect in strange(there, back, half=After.read(plan.after).half)}
    return [effect if effect.name in moved else Effect(effect.name, effect.found, effect.found) for effect in there]


def _keep(stack: Stack, commands: tuple[Command, ...]) -> Step:
    title, why = "Keep what the way forward needs", "So that this undo can be undone."
    if not commands:
        return Step("keep", title, why, skip="all of it is kept already")
    return Step("keep", title, why, (snapshots.folders(stack, "before"), *commands))


def _grounds(origin: Origin) -> Rationale:
    sick = sorted({route.name for route in origin.stack.routes} - set(origin.routes))
    said = f"not healthy then: {', '.join(sick)}" if sick else "every route passed then"
    return Rationale(f"{origin.plan.incident}, {origin.plan.procedure} by {origin.who}, {origin.when}", said, None if sick else True)


def _rows(origin: Origin, target: Target) -> tuple[tuple[str, str], ...]:
    made = origin.plan
    why = f", because: {origin.because}" if origin.because else ""
    return (
        ("host", made.host),
        ("undoes", f"{made.incident}, {made.procedure} to {made.target}"),
        ("which", f"{origin.who} ran {origin.when}{why}; it ended as {origin.verdict}"),
        *((f"back: {effect.name}", f"{effect.found} → {effect.asked}") for effect in target.rows if not effect.ok),
        ("routes that passed before it", ", ".join(origin.routes) or "none: none has to pass afterwards"),
    )


def _notes(now: State) -> tuple[str, ...]:
    origin = now.origin
    notes = []
    if origin.half:
        notes.append(f"{origin.plan.incident} did not finish, so this undo cannot be undone: nobody knows the way forward.")
    return (*notes, *_left_behind(now), *procedure(origin.plan.procedure).undo_notes(origin.plan))


def _left_behind(now: State) -> Iterator[str]:
    """The anonymous volumes that containers got since the run, and that no step of it or of its undo knows."""
    made = now.origin.plan
    known = "\n".join(str(command) for step in (*made.steps, *made.undo) for command in step.commands)
    for one in now.containers:
        for mount in one.anonymous if one.name in made.removes else ():
            if mount.source not in known:
                yield (
                    f"{one.name} got an anonymous volume at {mount.destination} since {made.incident}. Neither this undo nor an undo of it "
                    f"mounts that again: what was written there stays on the host, in the volume {mount.source}."
                )
