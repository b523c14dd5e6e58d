"""The plan of a release rollback: one way back in all dimensions that differ. Keep everything, prove everything, change the files, recreate
each service once, reload the proxy once."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from rollback_lib.commands.command import Command
from rollback_lib.commands.compose import Compose
from rollback_lib.commands.image import Reference
from rollback_lib.facts import docker
from rollback_lib.plan.plan import Plan, some
from rollback_lib.plan.step import Changes, Step, When
from rollback_lib.procedures import caddyfile, code, database
from rollback_lib.procedures.common import drift, replicas, snapshots
from rollback_lib.procedures.common.replicas import Replicas
from rollback_lib.procedures.env.state import lines_of
from rollback_lib.procedures.image.plan import PULL_DEADLINE
from rollback_lib.procedures.redeploy import attach
from rollback_lib.procedures.release.databases import newer
from rollback_lib.procedures.release.dimensions import Kind
from rollback_lib.procedures.release.noted import After, Before, Service
from rollback_lib.procedures.release.parts import FILES, Parts, parts, swap_of
from rollback_lib.procedures.release.rationale import rationale
from rollback_lib.procedures.release.state import NAME, State
from rollback_lib.procedures.release.target import Target
from rollback_lib.text import times

_NO_DATABASE = "no database is part of this plan"
_RECONNECT = ("Recreate the services that use the databases", "For services that do not reconnect by themselves.")
_NO_CLIENT = "the stack names no container in `used_by`: services are to reconnect by themselves"


def plan(now: State, target: Target, *, incident: str, dirty: str = "refuse") -> Plan:
    """The plan from `now` to `target`. `dirty` is "save" to keep uncommitted changes of the tree in a git stash. Raises Refused if
    something would be lost."""
    stack, made = now.stack, parts(now, target, incident, dirty)
    done = not target.recreate and all(one.nothing_to_do for one in made.plans.values())
    steps = _steps(now, target, incident, made)
    return Plan(
        procedure=NAME,
        incident=incident,
        stack=stack.name,
        host=stack.host,
        target=target.name,
        steps=tuple(replace(step, commands=(), guards=(), skip="the release already runs") for step in steps) if done else steps,
        undo=() if done else _undo(now, target, incident, made),
        cleanup=(*(command for one in made.plans.values() for command in one.cleanup), *_untag(now, target, incident)),
        writes=tuple(dict.fromkeys(write for one in made.plans.values() for write in one.writes)),
        removes=tuple(one.name for name in target.recreate for one in now.of(name)),
        drift=() if done else _drift(now, target, made),
        rationale=rationale(now, target),
        facts=_rows(now, target, made),
        loses=tuple(dict.fromkeys(line for one in made.plans.values() for line in one.loses)),
        notes=_notes(now, target, made),
        diff="\n\n".join(f"{name}\n{one.diff}" for name, one in made.plans.items() if one.diff),
        nothing_to_do=done,
        before=Before(services={name: _service(now, name) for name in target.recreate if now.of(name)}).plain(),
        after=After(images=_images(now, target), parts=made.noted, schemas=_schemas(target)).plain(),
    )


def _steps(now: State, target: Target, incident: str, made: Parts) -> tuple[Step, ...]:
    stack = now.stack
    keep = (snapshots.folders(stack, "before", "build"), *_tags(now, target, incident), *made.commands("keep"))
    prove = (*_as_built(now, target), *made.commands("pull", "build"))
    change = made.commands("restore_tree", "put", "choose")
    load = made.step(caddyfile.NAME, "load")
    return (
        Step("keep", "Keep everything that is there", "Undo needs it: images, files of the tree, env files, Caddyfile.", keep,
             guards=made.guards("keep")),
        Step("prove", "Get the images of the release", "Before anything stops: an image that cannot be had ends the run here.", prove,
             deadline=PULL_DEADLINE + code.BUILD_DEADLINE, skip=None if prove else "every image is there"),
        _restore(made),
        Step("change", "Change the files", "Tree, env files, pinned images and Caddyfile. What runs goes on with what it has.", change,
             changes=Changes.STACK, part=FILES, guards=made.guards("restore_tree", "put", "choose"),
             skip=None if change else "every file is as it was then"),
        _recreate(now, target, made),
        Step("load", load.title, load.why, load.commands, changes=load.changes, part=load.part, deadline=load.deadline) if load else
        Step("load", "Reload the proxy", "It goes on without an outage.", skip="its configuration is as it was then"),
        *_swaps(made),
        _reconnect(now, target, made),
        Step("remember", "Enter the outcome in the ledger of releases", snapshots.REMEMBER, made.commands("remember")),
    )  # fmt: skip


def _recreate(now: State, target: Target, made: Parts) -> Step:
    names = list(target.recreate)
    if not names:
        return Step("recreate", "Recreate the services", "Each one once.", skip="every container is as it was then")
    named = tuple(Command.of("docker", "tag", one.then, one.name) for one in target.retags if not Reference.parse(one.name).digest)
    commands = (*made.commands("recreate"), *named, *_up(target.recreate), *_attach(now, target.recreate))
    title = f"Recreate {some(names)}"
    return Step("recreate", title, "Each one once, with images and environment of the release.", commands, changes=Changes.STACK,
                part=replicas.PART)  # fmt: skip


def _restore(made: Parts) -> Step:
    """The restore of all databases. The live ones are not touched, so a failure leaves everything as it was."""
    names = some(list(made.databases))
    if not names:
        return Step("restore", "Restore the databases", "Beside the live ones.", skip=_NO_DATABASE)
    return Step("restore", f"Restore {names} beside the live one", "Before anything stops. It stops at the first error.",
                made.commands("create", "restore", "prepare"), guards=made.guards("restore"),
                deadline=database.RESTORE_DEADLINE * len(made.databases))  # fmt: skip


def _swaps(made: Parts) -> tuple[Step, ...]:
    """A step for each database: each is swapped either completely or not at all."""
    if not made.databases:
        return (Step("swap", "Swap the databases", "Last of all.", part=database.NAMES, skip=_NO_DATABASE),)
    return tuple(
        replace(plan.swap, name=swap_of(name), title=f"Swap the two names of {name}") for name, plan in made.databases.items()
    )  # fmt: skip


def _reconnect(now: State, target: Target, made: Parts) -> Step:
    """New containers for the services that use the databases, also for those that were recreated before the swap."""
    again = {name: target.recreate[name] for name in _clients(now, target)}
    commands = (*made.commands("reconnect"), *_up(again), *_attach(now, again))
    if not commands:
        return Step("reconnect", *_RECONNECT, skip=_NO_CLIENT if made.databases else _NO_DATABASE)
    return Step("reconnect", *_RECONNECT, commands, changes=Changes.STACK, part=replicas.PART, when=When.UNHEALTHY)


def _clients(now: State, target: Target) -> list[str]:
    """The recreated services that use the databases."""
    mine = {one.name for there, _ in target.databases.values() for found in there.clients.values() for one in found}
    return [name for name in target.recreate if any(one.name in mine for one in now.of(name))]


def _undo(now: State, target: Target, incident: str, made: Parts) -> tuple[Step, ...]:
    back, load = made.commands("undo_tree", "undo_put", "undo_choose", undo=True), made.step(caddyfile.NAME, "undo_load", undo=True)
    steps = []
    if back:
        steps.append(Step("undo_change", "Put all files back", "Tree, env files, pinned images and Caddyfile, as they were before.", back,
                          changes=Changes.STACK, part=FILES))  # fmt: skip
    ran = {name: (newest.compose, docker.count(now.of(name))) for name in target.recreate if (newest := docker.newest(now.of(name)))}
    if ran:
        named = tuple(
            Command.of("docker", "tag", _kept(now, one.service, incident), one.name)
            for one in target.retags if one.now and not Reference.parse(one.name).digest
        )  # fmt: skip
        commands = (*made.commands("undo_recreate", undo=True), *named, *_up(ran), *_attach(now, ran))
        steps.append(Step("undo_recreate", "Start what ran before", "Its images were kept under rollback/ tags.", commands,
                          changes=Changes.STACK, part=replicas.PART))  # fmt: skip
    again = {name: ran[name] for name in _clients(now, target) if name in ran}
    return (*steps, *([load] if load else []), *_undo_databases(now, made, again))


def _undo_databases(now: State, made: Parts, again: Mapping[str, tuple[Compose, int]]) -> tuple[Step, ...]:
    """The way back for the databases. It comes last as well: what ran before is back by then, and does not meet what was restored for
    longer than it has to. What was restored and never swapped in is dropped. `again` are services that reconnect."""
    if not made.databases:
        return ()
    back = (*made.commands("undo_swap", undo=True), *(_drop(now, plan) for plan in made.databases.values()))
    found = [Step("undo_swap", "Swap the databases back", "What was restored stays beside them, with all that was written since.", back,
                  changes=Changes.STACK, part=database.NAMES, deadline=database.SWAP_DEADLINE * len(made.databases))]  # fmt: skip
    reconnect = (*made.commands("undo_reconnect", undo=True), *_up(again), *_attach(now, again))
    if reconnect:
        found.append(Step("undo_reconnect", *_RECONNECT, reconnect, changes=Changes.STACK, part=replicas.PART, when=When.UNHEALTHY))
    return tuple(found)


def _drop(now: State, plan: Plan) -> Command:
    """The command that drops a restored database; after its swap there is none of that name."""
    after = database.After.read(plan.after)
    section = database.section(now.stack, after.section)
    return database.drop(database.server_of(section), database.maintenance(section), after.beside)


def _up(services: Mapping[str, tuple[Compose, int]]) -> tuple[Command, ...]:
    """The commands that recreate the services. Those for which compose is called in the same way share one `up`."""
    ways: dict[Compose, dict[str, int]] = {}
    for name, (way, count) in services.items():
        ways.setdefault(way, {})[name] = count
    return tuple(way.up(mine) for way, mine in ways.items())


def _attach(now: State, services: Iterable[str]) -> tuple[Command, ...]:
    """The command that puts new containers of the services on the networks that the old ones were put on by hand."""
    names = {one.name for name in services for one in now.of(name)}
    by_hand = [one for one in now.attachments.all if one.container in names and not _own(now, one.network)]
    return (attach.connect(by_hand),) if by_hand else ()


def _own(now: State, network: str) -> bool:
    """Whether a network is one that compose makes for the stack."""
    projects = {one.compose.project for one in now.containers}
    return any(network.startswith(f"{project}_") for project in projects if project)


def _kept(now: State, service: str, incident: str) -> str:
    return now.stack.kept_image(service, f"before-{incident}")


def _tags(now: State, target: Target, incident: str) -> tuple[Command, ...]:
    """The commands that keep the images that are replaced."""
    newest = {name: docker.newest(now.of(name)) for name in target.recreate}
    return tuple(Command.of("docker", "tag", one.image, _kept(now, name, incident)) for name, one in newest.items() if one)


def _untag(now: State, target: Target, incident: str) -> tuple[Command, ...]:
    tags = [_kept(now, name, incident) for name in target.recreate if now.of(name)]
    return (Command.of("docker", "image", "rm", *tags),) if tags else ()


def _as_built(now: State, target: Target) -> tuple[Command, ...]:
    """The commands that give images of the release the names under which a build of its commit would keep them. They fail if an image is
    gone."""
    built = target.code[1].services if target.code else {}
    found = {name: image for name, image in target.kept.items() if name in built}
    return tuple(Command.of("docker", "tag", image, now.stack.kept_image(name, target.release.commit)) for name, image in found.items())


def _images(now: State, target: Target) -> dict[str, str]:
    """The image that each recreated service runs then: by its id, or by the name under which it is built or pulled."""
    found = {name: ran.image for name, ran in target.release.services.items() if name in target.recreate}
    for name in target.code[1].services if target.code else ():
        found[name] = now.stack.kept_image(name, target.release.commit)
    return found


def _service(now: State, name: str) -> Service:
    mine = now.of(name)
    held = next(iter(now.envs.values()), None)
    hashes = held.key.of_environments(one.environment for one in mine) if held else ()
    on = {one.name: tuple(sorted(now.attachments.of(one.name))) for one in mine}
    return Service(replicas=Replicas.of(mine), held=hashes, networks=on)


def _drift(now: State, target: Target, made: Parts) -> tuple[str, ...]:
    """What new containers would lose. What the files give now and then does not count, since the rollback changes it."""
    of_clients = [line for plan in made.databases.values() for line in plan.drift]
    if now.code is None:
        return tuple(of_clients)
    keys = {key for path in now.envs for content in _contents(now, target, path) for key in lines_of(content)}
    found: list[str] = []
    for name in target.recreate:
        newest = docker.newest(now.of(name))
        known = now.code.defined.get(newest.compose) if newest else None
        if isinstance(known, dict) and name in known:
            found += drift.of_service(now.of(name), known[name], now.code.environments, image=False, but=keys)
    return (*found, *of_clients)


def _contents(now: State, target: Target, path: str) -> list[bytes]:
    new = [target.envs[path][1].content.reveal()] if path in target.envs else []
    return [now.envs[path].content, *new]


def _rows(now: State, target: Target, made: Parts) -> tuple[tuple[str, str], ...]:
    release = target.release
    by = f", by {release.by}" if release.by else ""
    stays = [name for name in now.present.services if name not in target.recreate]
    return (
        ("host", now.stack.host),
        ("release", f"{release.incident}, healthy here {times.minute(release.when)}{by}"),
        ("why", target.why),
        *((one.dimension.words, f"{one.now} → {one.then}") for one in target.differences if one.restored),
        ("recreated, each once", ", ".join(f"{name} × {count}" for name, (_, count) in target.recreate.items()) or "none"),
        ("left running", ", ".join(stays) or "none"),
        *(_of_databases(made) or [("databases", "left as they are")]),
    )


def _of_databases(made: Parts) -> list[tuple[str, str]]:
    """What the plans of the databases say of them."""
    return [(f"{name}: {word}", said) for name, plan in made.databases.items() for word, said in plan.facts if word != "host"]


def _schemas(target: Target) -> dict[str, str]:
    entered = target.release.databases or {}
    return {name: entered[name].schema for name in target.databases if name in entered and entered[name].schema}


def _notes(now: State, target: Target, made: Parts) -> tuple[str, ...]:
    notes = [*target.risks, *newer(target.databases)]
    release = target.release
    if release.changed:
        notes.append("The tree had uncommitted changes then, which were not kept: its commit comes back without them.")
    stays = [one.dimension.of for one in target.differences if one.dimension.kind is Kind.FILE and not one.restored]
    kept = {path: file.kept for path, file in (release.files or {}).items()}
    notes += [f"{path} is another one than then and in no tree, so it stays; the one of then is {kept[path]}." for path in stays]
    others = [one for one in target.differences if one.dimension.kind is Kind.NETWORKS]
    if others:
        notes.append(
            f"Other networks than then: {some([one.dimension.words for one in others])}; compose puts its own back, for others: redeploy."
        )
    new = sorted(now.present.services.keys() - release.services.keys())
    if new and release.files is not None:
        notes.append(f"{some(new)} did not run then, and is left running.")
    unknown = [file for file in now.present.files or {} if release.files is None or file not in release.files]
    if unknown:
        notes.append(f"Of that release nothing is known of {some(unknown)}, so it stays as it is.")
    about_caddy = "The Caddyfile is another one at the target"  # which this rollback reloads
    notes += [note for one in made.plans.values() for note in one.notes if not note.startswith(about_caddy)]
    return tuple(dict.fromkeys(notes))
