"""The plan of a release rollback: one way back in all dimensions that differ. Keep everything, prove everything, change the files, recreate
each service once, reload the proxy once."""

from dataclasses import replace

from rollback_lib.commands.command import Command
from rollback_lib.commands.image import Reference
from rollback_lib.facts import docker
from rollback_lib.plan.plan import Plan, some
from rollback_lib.plan.step import Changes, Step
from rollback_lib.procedures import caddyfile, code
from rollback_lib.procedures.common import drift, recreate, replicas, snapshots
from rollback_lib.procedures.common.replicas import Replicas
from rollback_lib.procedures.env.state import lines_of
from rollback_lib.procedures.image.plan import PULL_DEADLINE
from rollback_lib.procedures.release import database_steps
from rollback_lib.procedures.release.databases import newer
from rollback_lib.procedures.release.dimensions import Kind
from rollback_lib.procedures.release.noted import After, Before, Service
from rollback_lib.procedures.release.parts import CADDYFILE, FILES, Parts, parts
from rollback_lib.procedures.release.rationale import rationale
from rollback_lib.procedures.release.services import attach_again
from rollback_lib.procedures.release.state import NAME, State
from rollback_lib.procedures.release.target import Target
from rollback_lib.text import times


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
        diff="\n\n".join(f"{name}\n{one.diff}" for name, one in made.plans.items() if one.diff and not _in_tree(target, name)),
        nothing_to_do=done,
        before=Before(services={name: _service(now, name) for name in target.recreate if now.of(name)}).plain(),
        after=After(images=_images(now, target), parts=made.noted, schemas=database_steps.schemas(target)).plain(),
    )


def _steps(now: State, target: Target, incident: str, made: Parts) -> tuple[Step, ...]:
    stack = now.stack
    keep = tuple(dict.fromkeys((snapshots.folders(stack, "before", "build"), *_tags(now, target, incident), *made.commands("keep"))))
    prove = (*_as_built(now, target), *made.commands("pull", "build"))
    change = made.commands("restore_tree", "put", "choose")
    load = made.step(caddyfile.NAME, "load")
    return (
        Step("keep", "Keep everything that is there", "Undo needs it: images, files of the tree, env files, Caddyfile.", keep,
             guards=made.guards("keep")),
        Step("prove", "Get the images of the release", "Before anything stops: an image that cannot be had ends the run here.", prove,
             deadline=PULL_DEADLINE + code.BUILD_DEADLINE, skip=None if prove else "every image is there"),
        database_steps.restore(made),
        Step("change", "Change the files", "Tree, env files, pinned images and Caddyfile. What runs keeps what it has.", change,
             changes=Changes.STACK, part=FILES, guards=made.guards("restore_tree", "put", "choose"),
             skip=None if change else "every file is as it was then"),
        _recreate(now, target, made),
        Step("load", load.title, load.why, load.commands, changes=load.changes, part=load.part, deadline=load.deadline) if load else
        Step("load", "Reload the proxy", "There is no outage.", skip="its configuration is as it was then"),
        *database_steps.swaps(made),
        database_steps.reconnect(now, target, made),
        Step("remember", "Enter the outcome in the ledger of releases", snapshots.REMEMBER, made.commands("remember")),
    )  # fmt: skip


def _in_tree(target: Target, part: str) -> bool:
    """Whether the diff of the tree has that of the Caddyfile, since both come from the commit."""
    return part == CADDYFILE and target.caddy is not None and target.caddy[0].coming == target.caddy[1].version.hash


def _recreate(now: State, target: Target, made: Parts) -> Step:
    names = list(target.recreate)
    if not names:
        return Step("recreate", "Recreate the services", "Each one once.", skip="every container is as it was then")
    named = tuple(Command.of("docker", "tag", one.then, one.name) for one in target.retags if not Reference.parse(one.name).digest)
    commands = (*made.commands("recreate"), *named, *recreate.up(target.recreate), *attach_again(now, target.recreate))
    title = f"Recreate {some(names)}"
    return Step("recreate", title, "Each one once, with images and environment of the release.", commands, changes=Changes.STACK,
                part=replicas.PART)  # fmt: skip


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
        again = recreate.back(ran, (one for name in ran for one in now.of(name)))
        commands = (*made.commands("undo_recreate", undo=True), *named, *again, *attach_again(now, ran))
        steps.append(Step("undo_recreate", "Start what ran before", "Its images were kept under rollback/ tags.", commands,
                          changes=Changes.STACK, part=replicas.PART))  # fmt: skip
    return (*steps, *([load] if load else []), *database_steps.undo(now, target, made, ran))


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
        *((one.dimension.words, one.words) for one in target.differences if one.restored),
        ("recreated, each once", ", ".join(f"{name} × {count}" for name, (_, count) in target.recreate.items()) or "none"),
        ("left running", ", ".join(stays) or "none"),
        *database_steps.facts(made),
    )


def _notes(now: State, target: Target, made: Parts) -> tuple[str, ...]:
    notes = [*target.risks, *newer(target.databases), *recreate.notes(one for name in target.recreate for one in now.of(name))]
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
