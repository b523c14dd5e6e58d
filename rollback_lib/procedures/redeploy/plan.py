"""The plan of a redeploy: how to build the stack, take it down and bring it up with the same networks, and how to check the result."""

import json
from collections.abc import Callable, Iterable

from rollback_lib.commands.command import Command
from rollback_lib.commands.compose import Compose
from rollback_lib.facts import compose, docker, networks, releases
from rollback_lib.facts.docker import Container
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.host import Host
from rollback_lib.facts.networks import Attachment
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan, some
from rollback_lib.plan.step import Changes, Step, When
from rollback_lib.procedures.common import drift, fitting, recreate, replicas, snapshots
from rollback_lib.procedures.common.replicas import Replicas
from rollback_lib.procedures.redeploy.attach import connect, lines
from rollback_lib.procedures.redeploy.noted import After, Attached, Before, Mounted
from rollback_lib.procedures.redeploy.rationale import rationale
from rollback_lib.procedures.redeploy.state import NAME, State
from rollback_lib.procedures.redeploy.target import Target
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

BUILD_DEADLINE = 900.0  # seconds
DEPLOY_DEADLINE = 300.0
FILES, NETWORKS = "files.tar", "networks.txt"  # what an incident keeps
PART = replicas.PART  # the part of the host that steps and effects name; here it is the whole stack


def plan(now: State, target: Target, *, incident: str) -> Plan:
    """The plan from `now` to `target`."""
    stack = now.stack
    built = _built(now, incident)
    before = {name: stack.kept_image(name, f"before-{incident}") for name in sorted(now.services) if now.of(name)}
    attach = _attachments(now)
    made = dict.fromkeys((*built.values(), *before.values()))
    return Plan(
        procedure=NAME,
        incident=incident,
        stack=stack.name,
        host=stack.host,
        target=target.name,
        steps=_steps(now, target, built, before, attach, incident),
        undo=_undo(now, before, attach, incident),
        cleanup=(
            Command.of("sh", "-c", 'docker image rm "$@" 2>/dev/null; :', "sh", *made),
            Command.of("rm", "-f", *(snapshots.before(stack, incident, name) for name in (FILES, NETWORKS)),
                       *(snapshots.before(stack, incident, _override(number)) for number in range(len(now.groups)))),
        ),
        removes=tuple(one.name for one in now.containers),
        drift=_drift(now),
        rationale=rationale(now, target),
        facts=_rows(now, target, built),
        notes=_notes(now, target),
        before=_before(now, attach).plain(),
        after=After(built=built, attached=_attached(attach)).plain(),
    )  # fmt: skip


def _built(now: State, incident: str) -> dict[str, str]:
    """Our names of the images that are built, by service. Services for which the compose files name the same image share one."""
    builds = sorted(name for name in now.services if now.builds(name))
    first = {now.services[name].image: name for name in reversed(builds)}
    return {name: now.stack.kept_image(first[now.services[name].image], f"redeploy-{incident}") for name in builds}


def _steps(
    now: State, target: Target, built: dict[str, str], before: dict[str, str], attach: list[Attachment], incident: str
) -> tuple[Step, ...]:  # fmt: skip
    stack = now.stack
    missing = sorted({one.image for name, one in now.services.items() if name not in built and one.image not in now.images})
    keep = (
        snapshots.folders(stack, "before"),
        *(Command.of("docker", "tag", now.of(name)[0].image, tag) for name, tag in before.items()),
        Command.of("tar", "-C", "/", "-cf", snapshots.before(stack, incident, FILES), *(path.lstrip("/") for path in target.files)),
        Command.of("tee", snapshots.before(stack, incident, NETWORKS)).saying(lines(attach)).to("/dev/null"),
    )
    pull = tuple(Command.of("docker", "pull", "--quiet", name) for name in missing)
    pull += fitting.checks(target.stores, {name: one.image for name, one in now.services.items() if one.image in missing})
    build = (*_build(now, built, incident), *fitting.checks(target.stores, built))
    tags = dict.fromkeys(Command.of("docker", "tag", image, now.services[name].image) for name, image in built.items())
    proxies = tuple(Command.of("docker", "restart", name) for name in stack.section(NAME).networks)
    whom = some(list(stack.section(NAME).networks)) or "the proxies"
    return (
        Step("keep", "Keep images, files and the list of networks", "Undo needs them; nothing has stopped yet.", keep),
        Step("pull", "Fetch images that are missing", "Before anything stops.", pull, deadline=BUILD_DEADLINE,
             skip=None if pull else "every image that is not built is on the host"),
        Step("build", "Build the images", "Under rollback/ names, before anything stops: a build that fails leaves the old stack up.",
             build, deadline=BUILD_DEADLINE, skip=None if built else "no service is built here"),
        Step("redeploy", "Down and up", "Volumes stay; every network is put back before the first container starts.",
             (*tags, *_down_and_up(now, attach, incident)), changes=Changes.STACK, part=PART, deadline=DEPLOY_DEADLINE),
        Step("restart", f"Restart {whom}", "For a proxy that does not find its services.",
             proxies, changes=Changes.STACK, part=PART, when=When.UNHEALTHY,
             skip=None if proxies else "the stack names no proxy in `redeploy.networks`"),
        Step("remember", "Enter the outcome in the ledger of releases", snapshots.REMEMBER, _remember(now, target, built, incident),
             skip=None if built else "no service was built here"),
    )  # fmt: skip


def _undo(now: State, before: dict[str, str], attach: list[Attachment], incident: str) -> tuple[Step, ...]:
    back = tuple(
        Command.of("docker", "tag", tag, now.services[name].image) for name, tag in before.items() if "@" not in now.services[name].image
    )
    return (
        Step("undo_files", "Put the files back", "As they were before; those that are there now are kept beside them.",
             _restore_files(now.stack, incident), changes=Changes.STACK, part=PART),
        Step("undo_redeploy", "Down and up with the earlier images", "They were kept under rollback/ tags.",
             (*back, *_down_and_up(now, attach, f"{incident}-undo")), changes=Changes.STACK, part=PART, deadline=DEPLOY_DEADLINE),
    )  # fmt: skip


def _before(now: State, attach: list[Attachment]) -> Before:
    counted_on = _counted_on(now)
    return Before(
        services={name: Replicas.of(now.of(name), _state) for name in sorted(now.services)},
        volumes=_volumes(now.containers, now.volumes),
        containers=tuple(sorted(counted_on)),
        others=tuple(sorted({one.container for one in attach} - counted_on)),
    )


def _attached(attach: list[Attachment]) -> tuple[Attached, ...]:
    found = [Attached(container=one.container, network=one.network, aliases=one.aliases) for one in attach]
    return tuple(sorted(found, key=_place))


def _place(one: Attached) -> tuple[str, str, tuple[str, ...]]:
    return (one.container, one.network, one.aliases)


def effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """What the redeploy asks for, compared with the host now."""
    before, after = Before.read(plan.before), After.read(plan.after)
    project, stored = host.ask(docker.project(stack)), host.ask(docker.stored(set(after.built.values())))
    containers, images = project.result(), stored.result()
    rows = []
    for name, known in before.services.items():
        mine = [one for one in containers if one.service == name]
        rows += [replicas.counted(known, name, mine), _running(known, name, mine), replicas.fresh(known, name, mine)]
        image = images.get(after.built.get(name, ""))
        if image:
            rows.append(_image(known, name, mine, image.id, image.id))
    return [*rows, *_around(host, stack, before, after)]


def undo_effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state before the redeploy, compared with the host now."""
    before, after = Before.read(plan.before), After.read(plan.after)
    project, stored = host.ask(docker.project(stack)), host.ask(docker.stored(set(after.built.values())))
    files = host.ask(_as_kept(stack, plan.incident))
    containers, images = project.result(), stored.result()
    rows = [Effect("files that define the stack", "as before", files.result(), part=PART)]
    for name, known in before.services.items():
        if known.containers:
            wanted = known.containers[0].image
            mine = [one for one in containers if one.service == name]
            built = images.get(after.built.get(name, ""))
            rows += [replicas.counted(known, name, mine), _image(known, name, mine, wanted, built.id if built else wanted)]
            rows += [_running(known, name, mine)] if replicas.ran(known, mine) else []
    return [*rows, *_around(host, stack, before, after)]


def _running(known: Replicas, name: str, containers: list[Container]) -> Effect:
    return replicas.running(known, name, containers, _state, settles=True)


def _image(known: Replicas, name: str, containers: list[Container], wanted: str, built: str) -> Effect:
    """Whether a service runs the image `wanted`. In between, its containers may have the earlier image or the one that was built."""
    between = {one.image for one in containers} <= {built, *(one.image for one in known.containers[:1])}
    found = ", ".join(sorted({one.image[7:19] for one in containers})) or "none"
    return Effect(f"{name}: image", wanted[7:19], found, part=PART, between=between)


def _as_kept(stack: Stack, incident: str) -> Fact[str]:
    """Whether the files that define the stack equal the kept ones in content, mode and owner."""
    compare = Command.of("tar", "-C", "/", "-df", snapshots.before(stack, incident, FILES)).to("/dev/null")
    return Fact((compare,), lambda _: "as before", otherwise=lambda _: "others")


def _drift(now: State) -> tuple[str, ...]:
    """What new containers would lose. A container that has done its work is not in use, and has nothing to lose."""
    used = {name: [one for one in now.of(name) if not one.completed] for name in now.services}
    return tuple(line for name, mine in used.items() for line in drift.of_service(mine, now.services[name], now.environments))


def assumed(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state that the plan assumes, compared with the host now."""
    containers = host.ask(docker.project(stack)).result()
    services = Before.read(plan.before).services
    return [replicas.assumed(known, name, [one for one in containers if one.service == name]) for name, known in services.items()]


def _around(host: Host, stack: Stack, before: Before, after: After) -> list[Effect]:
    """What must be as before, whatever was deployed: networks, volumes, and containers outside of the stack."""
    attached, volumes, project = host.ask(networks.attachments()), host.ask(networks.volumes()), host.ask(docker.project(stack))
    now, containers = attached.result(), project.result()
    there = {(one.container, one.network): set(one.aliases) for one in now.all}
    names = {one.container for one in now.all} | {one.name for one in containers}
    others = set(before.others)
    lost = []
    for one in after.attached:
        if one.container in others and one.container not in names:
            continue
        key = (one.container, one.network)
        if key not in there or not set(one.aliases) <= there[key]:
            lost.append(f"{one.container} on {one.network}")
    moved = _difference(before.volumes, _volumes(containers, volumes.result()))
    gone = [name for name in before.containers if name not in names]
    left = sorted(others - names)  # a redeploy never removes a container outside of the stack, so somebody else did
    removed = [Effect("containers of others that somebody removed", "none", some(left), decides=False, part=PART)] if left else []
    return [
        *removed,
        Effect("networks that are missing", "none", some(lost) or "none", part=PART, between=True),
        Effect("containers that could not start any more", "none", some(sorted({one.container for one in now.stale})) or "none",
               part=PART, between=True),
        Effect("containers that are gone", "none", some(gone) or "none", part=PART, between=True),
        Effect("volumes and where they are mounted", "as before", moved, part=PART, between=True),
    ]  # fmt: skip


def _counted_on(now: State) -> set[str]:
    """The containers that must exist afterwards: those of the services, and those that the stack file names."""
    named = {name for name, wanted in now.stack.section(NAME).networks.items() if wanted or name in now.attachments.containers}
    return {one.name for one in now.containers if one.service in now.services} | named


def _state(one: Container) -> str:
    """The state to note for a container, with what its health check says."""
    return replicas.state_of(one) + (f" ({one.health})" if not one.completed and one.health not in ("", "healthy") else "")


def _volumes(containers: list[Container], volumes: dict[str, networks.Volume]) -> tuple[Mounted, ...]:
    """The volumes that the containers mount, with when each was made."""
    mounted = {
        Mounted(container=one.name, path=mount.destination, volume=mount.source,
                made=volumes[mount.source].created if mount.source in volumes else "missing")
        for one in containers for mount in one.volumes
    }  # fmt: skip
    return tuple(sorted(mounted, key=_order))


def _difference(before: Iterable[Mounted], after: Iterable[Mounted]) -> str:
    """In words, the volumes that are no longer mounted as before. A volume that a new service brought does not count."""
    lost = sorted(set(before) - set(after), key=_order)
    return some([f"{one.container} {one.path}" for one in lost]) if lost else "as before"


def _order(one: Mounted) -> tuple[str, str, str, str]:
    return (one.container, one.path, one.volume, one.made)


def _attachments(now: State) -> list[Attachment]:
    """The attachments to restore: those of the stack's containers that were made by hand, those that the stack file names, and those of
    other containers to a network that is removed with the stack."""
    ours = {one.name: one.service for one in now.containers if one.service in now.services}
    going = {network for one in now.services.values() for network in one.own}
    found = []
    for one in now.attachments.all:
        by_hand = one.container in ours and one.network not in now.services[ours[one.container]].networks
        outsider = one.container not in ours and one.network in going
        if by_hand or outsider:
            found.append(one)
    known = {(one.container, one.network) for one in found}
    for container, names in now.stack.section(NAME).networks.items():
        found += [Attachment(container, name, (), (), (), (), "", "") for name in names if (container, name) not in known]
    return found


def _override(number: int) -> str:
    return f"build{number}.json"


def _build(now: State, built: dict[str, str], incident: str) -> tuple[Command, ...]:
    commands = []
    for number, (way, services) in enumerate(now.groups.items()):
        mine = {built[name]: name for name in sorted(services, reverse=True) if name in built}  # the first of those that share an image
        if mine:
            file = snapshots.before(now.stack, incident, _override(number))
            override = json.dumps({"services": {name: {"image": image} for image, name in mine.items()}})
            commands += [
                Command.of("printf", "%s\\n", override).to(file),
                way.command("-f", file, "build", *sorted(mine.values())),
                Command.of("rm", "-f", file),
            ]
    return tuple(commands)


def _down_and_up(now: State, attach: list[Attachment], word: str) -> tuple[Command, ...]:
    """The commands that take the stack down and bring it up. Compose is called in every way in use, since each knows only its own
    services."""

    def each(make: Callable[[Compose, list[str]], Command]) -> tuple[Command, ...]:
        return tuple(make(way, sorted(services)) for way, services in now.groups.items())

    def up(way: Compose, services: list[str], *words: str) -> Command:
        scaled = [word for name in services if len(now.of(name)) > 1 for word in ("--scale", f"{name}={len(now.of(name))}")]
        return way.command("up", *words, "--no-build", "--pull=never", *scaled, *services)

    return (
        *each(lambda way, _: _again(way.command(*compose.ALL, "down"))),
        *_placeholders(now, word),
        *each(lambda way, services: up(way, services, "--no-start", "--no-deps")),
        *((connect(attach),) if attach else ()),
        *each(lambda way, services: up(way, services, "--detach", "--no-recreate")),
    )


def _again(command: Command) -> Command:
    """The command, tried up to three times. Compose fails if a container is attached to a network just as it removes the network."""
    script = 'n=1; until "$@"; do [ "$n" -lt 3 ] || exit 1; n=$((n + 1)); sleep 1; done'
    return Command.of("sh", "-euc", script, "sh", *command.argv)


def _placeholders(now: State, word: str) -> tuple[Command, ...]:
    """The commands that make placeholder containers, which keep anonymous volumes: after `down`, `up` would give a service new, empty
    ones."""
    commands = []
    for container in now.containers:
        anonymous = any(one.source in now.volumes and now.volumes[one.source].anonymous for one in container.volumes)
        if anonymous and container.service in now.services:
            name = f"rollback-{word}-{container.name}"
            commands.append(Command.of("docker", "create", "--name", name, *recreate.placeholder(container)))
    return tuple(commands)


def files_again(stack: Stack, incident: str) -> tuple[Command, ...]:
    """Commands that put back the files that an undo of the incident replaced."""
    undone, again = snapshots.ASIDE
    return _restore_files(stack, incident, f"{undone}{FILES}", f"{again}{FILES}")


def _restore_files(stack: Stack, incident: str, of: str = FILES, beside: str = f"{snapshots.ASIDE[0]}{FILES}") -> tuple[Command, ...]:
    kept, aside = snapshots.before(stack, incident, of), snapshots.before(stack, incident, beside)
    # Nothing is written unless a file differs; and files are overwritten in place, not replaced.
    script = (
        'tar -tf "$1" | tar -C / --ignore-failed-read -cf "$2" -T - 2>/dev/null || :; '
        'tar -C / -df "$1" >/dev/null 2>&1 || tar -C / --overwrite -xpf "$1"'
    )
    return (Command.of("sh", "-euc", script, "sh", kept, aside),)


def _remember(now: State, target: Target, built: dict[str, str], incident: str) -> tuple[Command, ...]:
    """Commands that enter the built images in the ledger of releases. If the tree has uncommitted changes, they belong to no commit."""
    stack, commands = now.stack, []
    sha = target.commit.sha if target.commit and not target.dirty else ""
    for name, image in built.items():
        if sha:
            commands.append(Command.of("docker", "tag", image, stack.kept_image(name, sha)))
        ledger = f"{stack.state}/{releases.FILE}"
        commands.append(releases.enter(ledger, name, sha, image, healthy=True, incident=incident, compose=now.ways[name]))
    return tuple(commands)


def _rows(now: State, target: Target, built: dict[str, str]) -> tuple[tuple[str, str], ...]:
    commit, down = target.commit, [f"{one.name} ({one.state})" for one in now.containers if one.state != "running"]
    hand = [f"{one.container} on {one.network}" for one in _attachments(now)]
    return (
        ("host", now.stack.host),
        ("tree", f"{commit.short} {commit.subject} ({commit.author}, {times.minute(commit.when)})" if commit else "none: no git here"),
        ("services", ", ".join(sorted(now.services))),
        ("built here", ", ".join(built) or "none"),
        ("not running now", ", ".join(down) or "none"),
        ("compose files", "\n".join(" ".join(way.files) for way in now.groups)),
        ("networks put back", "\n".join(hand) or "none beside those in the compose files"),
        ("volumes that stay", str(len({mount.source for one in now.containers for mount in one.volumes}))),
        ("disk", f"{(now.free or 0) / 1e6:,.0f} MB free, {target.needs / 1e6:,.0f} MB may be needed" if now.free else "could not be asked"),
    )


def _notes(now: State, target: Target) -> tuple[str, ...]:
    notes = []
    if target.commit is None:
        notes.append("There is no tree: the files are deployed as they are, and no earlier version of them is known.")
    if target.dirty:
        notes.append(f"The tree has uncommitted changes, which are built as well: {some(target.dirty)}.")
    if now.orphans:
        notes.append(f"{some(now.orphans)}: of this project, but in none of its files. Left alone, as every orphan.")
    stopped = sorted({one.container for one in _attachments(now) if one.state not in ("running", "")})
    if stopped:
        notes.append(f"{some(stopped)}: stopped, and on a network of the stack; it is attached again, so that it can start.")
    idle = [one.name for one in now.containers if one.completed]
    if idle:
        notes.append(f"{some(idle)}: completed; `up` runs it again.")
    return tuple(notes)
