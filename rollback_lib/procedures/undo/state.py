"""The state and the target of an undo: whether the host is as the run left it, and whether everything that the undo needs still exists."""

from collections.abc import Iterator
from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.errors import Drifted, TargetRefused
from rollback_lib.facts import docker, files, paths, removed
from rollback_lib.facts.docker import Container
from rollback_lib.facts.host import Host
from rollback_lib.health.probe import Probe
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import some
from rollback_lib.plan.step import Step
from rollback_lib.procedures.common import snapshots
from rollback_lib.procedures.registry import procedure
from rollback_lib.procedures.undo.origin import Origin
from rollback_lib.procedures.undo.root import Root
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.model import Stack
from rollback_lib.text import times


@dataclass(frozen=True)
class State:
    """The run that is to be undone. `found` compares everything that it changed with the host now. `containers` are those of the stack."""

    stack: Stack
    origin: Origin
    found: tuple[Effect, ...]
    containers: tuple[Container, ...] = ()
    probes: tuple[Probe, ...] = ()


@dataclass(frozen=True)
class Target:
    """The state before the run. `rows` compare it with the host now."""

    origin: Origin
    rows: tuple[Effect, ...]
    why: str

    @property
    def name(self) -> str:
        return f"before {self.origin.plan.incident}"


def document(host: Host, stack: Stack, origin: Origin) -> State:
    """Ask the host for everything that the run changed. Raises TargetRefused if retention has removed what the run kept, or the key by
    which secrets are compared is gone."""
    root = Root.of(origin.plan)
    answer, entered = host.ask(files.file(f"{stack.state}/jobs/{root.plan.incident}/key")), host.ask(removed.removed(stack.state))
    ids = (origin.plan.incident, root.plan.incident)
    gone = next((removal for removal in reversed(entered.result()) if removal.incident in ids), None)
    if gone:
        raise TargetRefused(
            f"{origin.plan.incident} cannot be undone any more: what {gone.incident} kept on {stack.host} for the way back was removed "
            f"{times.minute(gone.when)}, in {gone.by}, as older than this stack keeps it (retention); plan a rollback instead"
        )
    if kept := answer.result():
        host.key.adopt(Secret(bytes.fromhex(kept.content.reveal().decode())))
    elif procedure(root.plan.procedure).hashes:
        raise TargetRefused(f"what {root.plan.incident} left on {stack.host} to compare secrets by is gone; plan a rollback instead")
    project = host.ask(docker.project(stack))
    return State(stack, origin, tuple(root.reached(host, stack)), tuple(project.result()))


def examine(host: Host, now: State, target: str = "") -> Target:
    """The state to go back to. Raises Drifted if the host was changed since the run, TargetRefused if something that the undo needs is
    gone. With a `target`, an undo that had begun continues, so neither is checked again."""
    origin = now.origin
    rows: list[Effect] = Root.of(origin.plan).prior(host, now.stack)
    why = f"what was before {origin.plan.incident}, which {origin.who} ran"
    if target:
        return Target(origin, tuple(rows), why)
    moved = strange(now.found, rows, half=origin.half)
    if moved:
        raise Drifted(
            f"{now.stack.host} has moved on since {origin.plan.incident}: {'; '.join(effect.words for effect in moved)}{_later(origin)}; "
            "an undo would take that back, too, so plan a rollback instead"
        )
    steps = origin.plan.undo
    needed = sorted(
        {path for path in _words(steps, f"{now.stack.state}/before/") if not any(f".{word}" in path for word in snapshots.ASIDE)}
    )
    images = set(_words(steps, f"rollback/{now.stack.name}/"))
    missing, stored = host.ask(paths.missing(needed)), host.ask(docker.stored(images))
    gone = [*missing.result(), *sorted(images - stored.result().keys())]
    if gone:
        raise TargetRefused(f"what the undo needs is not on {now.stack.host} any more: {some(gone)}; plan a rollback instead")
    return Target(origin, tuple(rows), why)


def _later(origin: Origin) -> str:
    return f" (since then ran {some(origin.since)})" if origin.since else ""


def strange(reached: "tuple[Effect, ...] | list[Effect]", prior: list[Effect], *, half: bool) -> list[Effect]:
    """The effects that are not as the run left them. For a run that did not finish (`half`), those that are neither as it would leave
    them nor as before it. Effects that only say how well something runs do not count: they may be the reason for the undo."""
    back = {effect.name: effect.ok for effect in prior}
    return [row for row in reached if not (row.ok or row.condition or (half and (row.between or back.get(row.name, True))))]


def _words(steps: tuple[Step, ...], beginning: str) -> Iterator[str]:
    """All words in the commands of the steps that start with `beginning`, except files that the commands themselves write."""
    commands: list[Command | None] = [command for step in steps for command in step.commands]
    for command in commands:
        while command:
            made = command.file
            yield from (word for word in (*command.argv, command.source or "") if word.startswith(beginning) and word != made)
            command = command.into
