"""The plan of an env rollback: how to put the env file in place and recreate the services that read it, and how to check the result."""

from collections.abc import Sequence
from dataclasses import replace

from rollback_lib.commands.command import Command
from rollback_lib.facts import docker
from rollback_lib.facts.host import Host
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan, some
from rollback_lib.plan.step import Changes, Step
from rollback_lib.plan.writes import How, Write
from rollback_lib.procedures.common import drift, env_edit, recreate, replace_file, replicas, snapshots
from rollback_lib.procedures.common.noted_file import NotedFile, content_of, rights_of
from rollback_lib.procedures.common.replicas import Replicas
from rollback_lib.procedures.env.noted import After, Before, Reader, Wanted
from rollback_lib.procedures.env.parameters import NAME
from rollback_lib.procedures.env.parameters import kept as kept_as
from rollback_lib.procedures.env.rationale import rationale
from rollback_lib.procedures.env.state import Held, State, lines_of, look
from rollback_lib.procedures.env.target import Target, to_recreate
from rollback_lib.secrets.secret import Key, Secret
from rollback_lib.stack.model import Stack

FILE = "file"  # the part of the host that steps and effects name


def plan(now: State, target: Target, *, incident: str, recreates: bool = True) -> Plan:
    """The plan from `now` to `target`. `recreates` is False for a part of a plan that recreates the containers in another step."""
    stack = now.stack
    same = now.file is not None and now.file.content == target.content
    services = to_recreate(now, target) if recreates else []
    done = same and not services
    steps = _steps(now, target, incident, services, same=same)
    undo = [Step("undo_put", "Put the file back", "As it was before the rollback; what is there then is kept beside.",
                 replace_file.put_back(stack, incident, now.file, now.path), changes=Changes.STACK, part=FILE)]  # fmt: skip
    if services:
        undo.append(Step("undo_recreate", "Recreate the containers with it", "They get the earlier environment.",
                         _back(now, services), changes=Changes.STACK, part=replicas.PART))  # fmt: skip
    return Plan(
        procedure=NAME,
        incident=incident,
        stack=stack.name,
        host=stack.host,
        target=target.name,
        steps=tuple(replace(step, commands=(), guards=(), send=None, skip="the target already runs") for step in steps) if done else steps,
        undo=() if done else tuple(undo),
        cleanup=(
            *replace_file.forget(stack, incident, target.send),
            replace_file.clean_up(incident, now.file, now.path),
            Command.of("rm", "-f", *(snapshots.before(stack, incident, name) for name in (replace_file.KEPT, replace_file.PUT))),
        ),
        writes=(Write(now.file.real if now.file else now.path, How.REPLACED),),
        removes=tuple(name for service in services for name in replicas.names(now.replicas[service])),
        drift=tuple(line for name in services for line in _drift(now, target, name)),
        rationale=rationale(now, target),
        facts=_rows(now, target, services),
        notes=_notes(now, target),
        diff=_text(target),
        nothing_to_do=done,
        before=_before(now, services).plain(),
        after=_after(now, target, services).plain(),
    )


def effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """What the rollback asks for, compared with the host now. Variables are compared by their hashes."""
    before, after = Before.read(plan.before), After.read(plan.after)
    now = look(host, stack, before.path)
    rows = _of_file(after.file, now)
    for name, wanted in after.services.items():
        meant = now.understood(name) if name in now.replicas else None
        said = now.key.of_environment(meant.environment) if meant else "nothing"
        held = _list(now.key.of_environments(now.held(name, meant)))
        rows += [
            Effect(f"{name}: what compose reads", wanted.meant, said, part=FILE, between=meant is None),
            Effect(f"{name}: what its containers hold", wanted.holds, held, part=replicas.PART, between=True),
            *replicas.after(before.services[name].replicas, name, now.replicas.get(name, []), image=None),
        ]
    return rows


def undo_effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state before the rollback, compared with the host now."""
    before = Before.read(plan.before)
    now = look(host, stack, before.path)
    rows = _of_file(before.file, now)
    for name, known in before.services.items():
        containers = now.replicas.get(name, [])
        rows += replicas.back(known.replicas, name, containers, image=next((one.image for one in containers), None))
        had, has = (_list(held) or "no container" for held in (known.held, _held(now, name)))
        rows.append(Effect(f"{name}: what its containers have", had, has, part=replicas.PART, between=True))
    return rows


def assumed(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state that the plan assumes, compared with the host now."""
    before = Before.read(plan.before)
    now = look(host, stack, before.path)
    mine = before.services.items()
    return [*_of_file(before.file, now), *(replicas.assumed(known.replicas, name, now.replicas.get(name, [])) for name, known in mine)]


def _before(now: State, services: Sequence[str]) -> Before:
    known = {name: Reader(replicas=Replicas.of(now.replicas[name]), held=_held(now, name)) for name in services}
    return Before(path=now.path, file=_file(now), services=known)


def _after(now: State, target: Target, services: Sequence[str]) -> After:
    """The state that is asked for. If there was no file, the new one belongs to root and is readable for root only."""
    key = now.key
    meant = {name: target.meant[now.containers[name].compose][name] for name in services}
    content = key.fingerprint(target.content)
    return After(
        file=NotedFile.of(now.file, content) if now.file else NotedFile(content=content, mode="600", owner=0, group=0),
        services={
            name: Wanted(meant=key.of_environment(one.environment), holds=key.of_environment(now.expected(name, one)))
            for name, one in meant.items()
        },
    )


def _file(now: Held) -> NotedFile | None:
    return NotedFile.of(now.file, now.key.fingerprint(now.file.content)) if now.file else None


def _of_file(asked: NotedFile | None, now: Held) -> list[Effect]:
    found = _file(now)
    return [
        Effect("content of the file", content_of(asked), content_of(found), part=FILE),
        Effect("mode, owner and group", rights_of(asked), rights_of(found), part=FILE),
    ]


def _held(now: Held, service: str) -> tuple[str, ...]:
    """The different hashes of the variables in the service's containers."""
    return now.key.of_environments(one.environment for one in now.replicas.get(service, ()))


def _list(hashes: Sequence[str]) -> str:
    return ", ".join(hashes)


def _drift(now: State, target: Target, service: str) -> tuple[str, ...]:
    """What new containers of a service would lose. Variables from the env file do not count, since the rollback changes them."""
    way = now.containers[service].compose
    known = now.defined[way]
    if not isinstance(known, dict) or service not in known:
        return ()
    here, there = known[service], target.meant[way][service]
    if way.variables == now.path and there.image == now.containers[service].image_name:
        here = replace(here, image=there.image)  # the present file names another image, and the target names this one again
    before, after = here.environment, there.environment
    asked = {key for key in (*before, *after) if before.get(key) != after.get(key)} | set(lines_of(now.content))
    return drift.of_service(now.replicas[service], here, now.images, but=asked | set(lines_of(target.content.reveal())))


def masked(key: Key, value: Secret | None) -> str:
    """What is shown instead of a value."""
    return f"{len(value)} bytes, #{key.fingerprint(value)}" if value is not None else "not set"


def _steps(now: State, target: Target, incident: str, services: Sequence[str], *, same: bool) -> tuple[Step, ...]:
    stack = now.stack
    sizes = {key: len(value) for key, value in target.send.items()}
    sent = Secret(b"".join(value.reveal() for value in target.send.values())) if sizes else None
    pieces = [_on_host(now, target, incident, piece) for piece in target.pieces]
    kept = [
        one.file
        for one in now.versions
        if any(isinstance(piece, env_edit.Lines) and piece.source == one.file.path for piece in target.pieces)
    ]
    guards = replace_file.unchanged(*kept, *target.read)
    keep = (snapshots.folders(stack, "before"), *replace_file.keep(stack, incident, now.file))
    put = (*replace_file.put(stack, incident, now.file, now.path, pieces), *replace_file.forget(stack, incident, target.send))
    replaced = None if now.file is None or same else snapshots.before(stack, incident, replace_file.KEPT)
    outcome = snapshots.remember_files(stack, kept_as(stack, now.path), incident, good=now.path, bad=replaced)
    return (
        Step("keep", "Keep the file that is there", "Undo puts it back.", keep, guards=guards),
        Step("send", "Send the new values", "Over the input of the connection itself: no command line shows them.",
             replace_file.receive(stack, incident, sizes), send=sent,
             sent=sent.digest if sent else "", sends=f"the new values of {', '.join(sizes)}, one after the other,",
             skip=None if sizes else "all that the target is made of is on the host"),
        Step("put", "Put the target in place", "Made beside the file with its mode and owner, then moved over it in one go.", put,
             changes=Changes.AT_ONCE, part=FILE, guards=replace_file.guard(stack, incident, now.file, now.path),
             skip="the file already matches the target" if same else None),
        Step("recreate", "Recreate the services that read it", "`restart` would keep the old environment.",
             _up(now, services), changes=Changes.STACK, part=replicas.PART,
             skip=None if services else "every container holds what the target gives it"),
        Step("remember", "Enter the outcome among the kept versions", snapshots.REMEMBER, outcome),
    )  # fmt: skip


def _on_host(now: State, target: Target, incident: str, piece: env_edit.Piece) -> env_edit.Piece:
    """The piece with its source on the host: lines of the file come from the kept copy, a value that was sent from where it is stored."""
    if isinstance(piece, env_edit.Lines) and piece.source == now.path:
        return replace(piece, source=snapshots.before(now.stack, incident, replace_file.KEPT))
    if isinstance(piece, env_edit.Value) and piece.key in target.send:
        return replace(piece, source=replace_file.received(now.stack, incident, piece.key))
    return piece


def _up(now: State, services: Sequence[str]) -> tuple[Command, ...]:
    return recreate.up(_ways(now, services))


def _back(now: State, services: Sequence[str]) -> tuple[Command, ...]:
    return recreate.back(_ways(now, services), (one for name in services for one in now.replicas[name]))


def _ways(now: State, services: Sequence[str]) -> recreate.Ways:
    """How compose is called for the services, with as many replicas as there are now."""
    return {name: (now.containers[name].compose, docker.count(now.replicas[name])) for name in services}


def _text(target: Target) -> str:
    lines = []
    for one in target.differences:
        sign = "~" if one.old and one.new else "+" if one.new else "-"
        old, new = (masked(target.key, value) for value in (one.old, one.new))
        lines.append(f"{sign} {one.key}: {old} → {new}" + ("" if one.asked else "  (not asked for)"))
    return "\n".join(lines)


def _rows(now: State, target: Target, services: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return (
        ("host", now.stack.host),
        ("file", f"{now.path}, {rights_of(_file(now))}"),
        ("target", f"{target.name} ({target.why})"),
        ("variables that change", some([one.key for one in target.differences], 12) or "none"),
        ("services that read it", ", ".join(now.readers) or "none as an env file"),
        ("recreated", ", ".join(f"{name} × {docker.count(now.replicas[name])}" for name in services) or "none: they hold it already"),
    )


def _notes(now: State, target: Target) -> tuple[str, ...]:
    notes = []
    other = [one.key for one in target.differences if not one.asked]
    if other:
        notes.append(f"Compose would also understand {some(other)} differently, which nobody asked for; look at the diff.")
    stale = [name for name in now.readers if now.holds(name, now.understood(name)) is False]
    if stale:
        notes.append(f"{', '.join(stale)}: the container holds something else than the file says; it was not recreated after a change.")
    idle = [name for name in now.readers if not now.wanted(name)]
    if idle:
        notes.append(f"{', '.join(idle)}: stopped, and left so; it gets the file when it is started by `up`.")
    return tuple(notes)
