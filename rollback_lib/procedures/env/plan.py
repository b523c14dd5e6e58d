"""How to put the env file in place and give it to the services that read it, and whether it reached them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rollback_lib.command import Command
from rollback_lib.compose import Compose
from rollback_lib.facts import compose, files
from rollback_lib.facts.fact import Dialogue
from rollback_lib.plan import Effect, Plan, Step, some
from rollback_lib.procedures import edit, keeping, place
from rollback_lib.procedures.env.grounds import grounds
from rollback_lib.procedures.env.parameters import NAME
from rollback_lib.procedures.env.state import Held, State, look
from rollback_lib.procedures.env.target import Target
from rollback_lib.secret import Key, Secret
from rollback_lib.stack import Stack


def plan(now: State, target: Target, *, incident: str) -> Plan:
    """How to get from `now` to `target`."""
    stack = now.stack
    same = now.file is not None and now.file.content == target.content
    services = _to_recreate(now, target)
    done = same and not services
    steps = _steps(now, target, incident, services, same=same)
    undo = [Step("undo_put", "Put the file back", "As it was before the rollback.",
                 place.put_back(stack, incident, now.file, now.path), touches=True)]  # fmt: skip
    if services:
        undo.append(Step("undo_recreate", "Make new containers with it", "They get the environment of before.",
                         _up(now, services), touches=True))  # fmt: skip
    meant = {name: target.meant[now.containers[name].compose][name] for name in services}
    return Plan(
        procedure=NAME,
        incident=incident,
        stack=stack.name,
        host=stack.host,
        target=target.name,
        steps=tuple(replace(step, commands=(), send=None, skip="the target is what runs") for step in steps) if done else steps,
        undo=() if done else tuple(undo),
        cleanup=(*place.forget(stack, incident, target.send), Command.of("rm", "-f", keeping.before(stack, incident, place.KEPT))),
        removes=tuple(now.containers[name].name for name in services),
        grounds=grounds(now, target),
        facts=_rows(now, target, services),
        notes=_notes(now, target),
        diff=_text(target),
        nothing_to_do=done,
        before={"file": _content(now), "mode": _mode(now.file)},
        after={
            "file": now.key.fingerprint(target.content),
            "mode": _mode(now.file) if now.file else "600 0:0",
            "services": " ".join(services),
            **{f"meant {name}": now.key.of_environment(one.environment) for name, one in meant.items()},
            **{f"container {name}": now.containers[name].id for name in services},
        },
    )


def effects(stack: Stack, plan: Plan) -> Dialogue[list[Effect]]:
    """Whether the rollback has the effect that was asked for. Environments are compared by their hashes."""
    now = yield from look(stack)
    rows = _of_file(plan.after, now)
    for name in plan.after["services"].split():
        container = now.containers.get(name)
        meant = now.understood(name) if container else None
        read = now.key.of_environment(meant.environment) if meant else "nothing"
        rows.append(Effect(f"{name}: what compose reads", plan.after[f"meant {name}"], read))
        if container and meant:
            fresh = container.id != plan.after[f"container {name}"]
            rows += [
                _held(f"{name}: what its container holds", now, name, meant),
                Effect(f"{name}: container made anew", "yes", "yes" if fresh else "no"),
            ]
        state = container.state if container else "no container"
        rows.append(Effect(f"{name}: state of the container", "running", state, condition=True))
    return rows


def undo_effects(stack: Stack, plan: Plan) -> Dialogue[list[Effect]]:
    """Whether the host is back where it was before the rollback."""
    now = yield from look(stack)
    rows = _of_file(plan.before, now)
    for name in plan.after["services"].split():
        meant = now.understood(name) if name in now.containers else None
        if meant:
            rows.append(_held(f"{name}: what its container holds of it", now, name, meant))
    return rows


def assumed(stack: Stack, plan: Plan) -> Dialogue[list[Effect]]:
    """Whether the host is as the plan assumed."""
    now = yield from look(stack)
    held = {name: now.containers[name].id[:12] if name in now.containers else "none" for name in plan.after["services"].split()}
    return [
        *_of_file(plan.before, now),
        *(Effect(f"{name}: container", plan.after[f"container {name}"][:12], container) for name, container in held.items()),
    ]


def _of_file(asked: Mapping[str, str], now: Held) -> list[Effect]:
    return [
        Effect("content of the file", asked["file"], _content(now)),
        Effect("mode, owner and group", asked["mode"], _mode(now.file)),
    ]


def _held(words: str, now: Held, service: str, meant: compose.Meant) -> Effect:
    """What the service's container is to hold, against what it holds."""
    return Effect(words, now.key.of_environment(now.expected(service, meant)), now.key.of_environment(now.held(service, meant)))


def masked(key: Key, value: Secret | None) -> str:
    """All that is ever shown of a value."""
    return f"{len(value)} bytes, #{key.fingerprint(value)}" if value is not None else "not set"


def _steps(now: State, target: Target, incident: str, services: Sequence[str], *, same: bool) -> tuple[Step, ...]:
    stack = now.stack
    sizes = {key: len(value) for key, value in target.send.items()}
    sent = Secret(b"".join(value.reveal() for value in target.send.values())) if sizes else None
    pieces = [_on_host(now, target, incident, piece) for piece in target.pieces]
    keep = (keeping.folders(stack, "before"), *place.keep(stack, incident, now.file))
    put = (*place.put(stack, incident, now.file, now.path, pieces), *place.forget(stack, incident, target.send))
    replaced = None if now.file is None or same else keeping.before(stack, incident, place.KEPT)
    outcome = keeping.remember_files(stack, NAME, incident, good=now.path, bad=replaced)
    return (
        Step("keep", "Keep the file that is there", "Undo puts it back.", keep),
        Step("send", "Send the new values", "Over the input of the connection itself: no command line shows them.",
             place.receive(stack, incident, sizes), send=sent, sends=f"the new values of {', '.join(sizes)}, one after the other,",
             skip=None if sizes else "all that the target is made of is on the host"),
        Step("put", "Put the target in place", "Made beside the file with its mode and owner, then moved over it in one go.", put,
             touches=True, skip="the file is the target's already" if same else None),
        Step("recreate", "Make new containers of the services that read it", "`restart` would keep the old environment.",
             _up(now, services), touches=True, skip=None if services else "every container holds what the target gives it"),
        Step("remember", "Enter the outcome among the kept versions", keeping.REMEMBER, outcome),
    )  # fmt: skip


def _on_host(now: State, target: Target, incident: str, piece: edit.Piece) -> edit.Piece:
    """The piece as it is taken on the host: lines of the file from its kept copy, a value that was sent from where it waits."""
    if isinstance(piece, edit.Lines) and piece.source == now.path:
        return replace(piece, source=keeping.before(now.stack, incident, place.KEPT))
    if isinstance(piece, edit.Value) and piece.key in target.send:
        return replace(piece, source=place.received(now.stack, incident, piece.key))
    return piece


def _to_recreate(now: State, target: Target) -> list[str]:
    """The services whose containers do not hold what the target gives them, or that it defines in another way."""
    found = []
    for name, container in now.containers.items():
        after, before = target.meant[container.compose].get(name), now.understood(name)
        fills_in = container.compose.variables == now.path
        if after is None or not now.wanted(name) or not (fills_in or name in now.readers):
            continue
        redefined = fills_in and before is not None and before.definition != after.definition
        if redefined or not now.holds(name, after):
            found.append(name)
    return found


def _up(now: State, services: Sequence[str]) -> tuple[Command, ...]:
    """One `up` for all services that compose was called for in the same way."""
    ways: dict[Compose, list[str]] = {}
    for name in services:
        ways.setdefault(now.containers[name].compose, []).append(name)
    return tuple(way.up(*names) for way, names in ways.items())


def _text(target: Target) -> str:
    lines = []
    for one in target.differences:
        sign = "~" if one.old and one.new else "+" if one.new else "-"
        old, new = (masked(target.key, value) for value in (one.old, one.new))
        lines.append(f"{sign} {one.key}: {old} → {new}" + ("" if one.asked else "  (not asked for)"))
    return "\n".join(lines)


def _content(now: Held) -> str:
    return now.key.fingerprint(now.file.content) if now.file else "no file"


def _mode(file: files.File | None) -> str:
    return f"{file.mode} {file.owner}:{file.group}" if file else "no file"


def _rows(now: State, target: Target, services: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return (
        ("host", now.stack.host),
        ("file", f"{now.path}, {_mode(now.file)}"),
        ("target", f"{target.name} ({target.why})"),
        ("variables that change", some([one.key for one in target.differences], 12) or "none"),
        ("services that read it", ", ".join(now.readers) or "none as an env file"),
        ("new containers of", ", ".join(services) or "none: they hold it already"),
    )


def _notes(now: State, target: Target) -> tuple[str, ...]:
    notes = []
    other = [one.key for one in target.differences if not one.asked]
    if other:
        notes.append(f"Compose would understand {some(other)} in another way as well, which nobody asked for; look at the diff.")
    stale = [name for name in now.readers if now.holds(name, now.understood(name)) is False]
    if stale:
        notes.append(f"{', '.join(stale)}: the container holds something else than the file says; it was not made anew after a change.")
    idle = [name for name in now.readers if not now.wanted(name)]
    if idle:
        notes.append(f"{', '.join(idle)}: stopped, and left so; it gets the file when it is started by `up`.")
    return tuple(notes)
