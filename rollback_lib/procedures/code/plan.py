"""The plan of a code rollback: how to put tree, images and containers on the target, and how to check that they are."""

import posixpath
from collections.abc import Mapping
from dataclasses import replace

from rollback_lib.commands.command import Command
from rollback_lib.commands.image import Reference
from rollback_lib.errors import Refused
from rollback_lib.facts import docker, releases
from rollback_lib.facts.host import Host
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan, some
from rollback_lib.plan.step import Changes, Step
from rollback_lib.procedures.code import images, tree
from rollback_lib.procedures.code.noted import Before
from rollback_lib.procedures.code.rationale import rationale
from rollback_lib.procedures.code.state import NAME, Deployed, State, candidates
from rollback_lib.procedures.code.target import Target, check
from rollback_lib.procedures.common import drift, fitting, recreate, replicas, snapshots
from rollback_lib.procedures.common.replicas import Replicas
from rollback_lib.stack.model import Stack
from rollback_lib.text import times


def plan(
    now: State, target: Target, *, incident: str, dirty: str = "refuse", recreates: bool = True,
    apart: Mapping[str, str] = tree.NOTHING,
) -> Plan:  # fmt: skip
    """The plan from `now` to `target`. `dirty` is "save" to keep uncommitted changes in a git stash. Raises ParameterError for another
    value than "refuse" or "save", Refused if changes in the tree would be lost.

    For a plan that is made of several: `recreates` is False if the containers are recreated by another step, `apart` are paths of the
    tree that other steps write to, each with the file on the host that has what they write there, "" for none.
    """
    check(now.stack, dirty=dirty)
    stack, sha = now.stack, target.commit.sha
    _refuse_losses(now, target, dirty, tree.loose(now, apart))
    services = [deployed for deployed in now.services if deployed.service in target.services]
    in_place = now.head.sha == sha and not now.head.dirty
    current = in_place and all(deployed.running == sha and deployed.up and recreates for deployed in services)
    restore = tree.restore(now, sha, incident, apart)
    steps = (
        _keep(now, services, sha, incident, restore),
        _build(now, services, target),
        restore,
        _recreate(now, services, target, up=recreates),
        _remember(now, services, sha, incident),
    )
    return Plan(
        procedure=NAME,
        incident=incident,
        stack=stack.name,
        host=stack.host,
        target=sha,
        steps=tuple(replace(step, commands=(), guards=(), skip="the target already runs") for step in steps) if current else steps,
        undo=() if current else _undo(now, services, target, incident, restore, up=recreates),
        cleanup=_cleanup(now, services, sha, incident),
        writes=tree.writes(now, target.changes) if not restore.skip else (),
        removes=tuple(name for deployed in services for name in replicas.names(deployed.replicas)) if recreates else (),
        drift=() if current else _drift(now, services, target),
        rationale=rationale(now, target),
        facts=_rows(now, services, target),
        loses=_loses(target),
        notes=_notes(now, services, target, tree.loose(now, apart) if dirty == "save" else [], incident),
        diff=target.diff,
        nothing_to_do=current,
        before=Before(
            tree=tree.Tree.of(now.head),
            services={deployed.service: Replicas.of(deployed.replicas) for deployed in services if recreates},
            apart=tuple(apart),
        ).plain(),
    )  # fmt: skip


def effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """What the rollback asks for, compared with the host now."""
    before = Before.read(plan.before)
    project = host.ask(docker.project(stack))
    kept = {name: host.ask(docker.image_id(stack.kept_image(name, plan.target))) for name in before.services}
    rows = tree.reached(host, stack, before.tree, plan.target, before.apart)
    of = docker.by_service(project.result())
    for name, known in before.services.items():
        image = None if plan.nothing_to_do else kept[name].result() or "no image of the target"
        rows += replicas.after(known, name, of.get(name, []), image=image, recreated=not plan.nothing_to_do)
    return rows


def undo_effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state before the rollback, compared with the host now."""
    before = Before.read(plan.before)
    project = host.ask(docker.project(stack))
    kept = {name: host.ask(docker.image_id(stack.kept_image(name, plan.target))) for name in before.services}
    rows = tree.as_before(host, stack, before.tree, plan.target)
    of = docker.by_service(project.result())
    for name, known in before.services.items():
        rows += replicas.back(known, name, of.get(name, []), image=kept[name].result())
    return rows


def assumed(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state that the plan assumes, compared with the host now."""
    before = Before.read(plan.before)
    project = host.ask(docker.project(stack))
    rows = tree.assumed(host, stack, before.tree)
    of = docker.by_service(project.result())
    return [*rows, *(replicas.assumed(known, name, of.get(name, [])) for name, known in before.services.items())]


def _refuse_losses(now: State, target: Target, dirty: str, loose: list[str]) -> None:
    if loose and dirty == "refuse":
        raise Refused(
            f"{now.stack.work_tree} has uncommitted changes ({some(loose)}), and a rollback would overwrite them; "
            "commit them there, or run with dirty=save to have them kept in a git stash"
        )
    if now.head.unstashable:
        raise Refused(
            f"git cannot stash the changes of {now.stack.work_tree} while there are conflicts or files that were only announced "
            f"by `git add -N` ({some(now.head.unstashable)}); `git add` them there, or take them back"
        )
    for deployed in now.services:
        names = [deployed.container.image_name] if deployed.container and deployed.service in target.services else []
        names += [target.services[deployed.service].image] if deployed.service in target.services else []
        pinned = next((name for name in names if Reference.parse(name).digest), None)
        if pinned:
            raise Refused(
                f"{deployed.service} runs an image of a registry, pinned to its digest ({pinned[:60]}…), "
                "which a rebuilt one cannot replace; use the image rollback"
            )
    if target.in_the_way:
        raise Refused(
            f"untracked files stand where the target has files of its own ({some(target.in_the_way)}); "
            f"move them away in {now.stack.work_tree}"
        )


def _drift(now: State, services: list[Deployed], target: Target) -> tuple[str, ...]:
    """What new containers would lose, compared with the compose files in the tree, or with those of the target if compose cannot read
    the files in the tree."""
    known = ((deployed, now.definition(deployed) or target.services[deployed.service]) for deployed in services)
    return tuple(line for deployed, service in known for line in drift.of_service(deployed.replicas, service, now.environments))


def _kept(now: State, deployed: Deployed, incident: str) -> str:
    return now.stack.kept_image(deployed.service, f"before-{incident}")


def _keep(now: State, services: list[Deployed], sha: str, incident: str, restore: Step) -> Step:
    tags = tuple(
        Command.of("docker", "tag", deployed.container.image, _kept(now, deployed, incident)) for deployed in services if deployed.container
    )
    files = () if restore.skip else tree.keep(now, sha, incident)
    why = "Undo puts both back, whatever happens to tags and to the tree."
    return Step("keep", "Keep the images that run now, and the files that change", why,
                (snapshots.folders(now.stack, "before", "build"), *tags, *files))  # fmt: skip


def _leaders(services: list[Deployed], target: Target) -> dict[str, str]:
    """For each service the one whose image it gets: the first for which the target's compose files name the same image. Built apart, they
    would be two images, and the name could mean only one of them."""
    first: dict[str, str] = {}
    for deployed in services:
        first.setdefault(target.services[deployed.service].image, deployed.service)
    return {deployed.service: first[target.services[deployed.service].image] for deployed in services}


def _build(now: State, services: list[Deployed], target: Target) -> Step:
    sha, leaders = target.commit.sha, set(_leaders(services, target).values())
    services = [deployed for deployed in services if deployed.service in leaders]
    title = "Build the target's images" if len(services) > 1 else "Build the target's image"
    why = "Built from an export of the commit, so that a build that fails leaves tree, tag and container alone."
    missing = {deployed.service: now.stack.kept_image(deployed.service, sha) for deployed in services if not deployed.kept_image(sha)}
    if not missing:
        kept = some([now.stack.kept_image(deployed.service, sha) for deployed in services])
        return Step("build", title, why, skip=f"{kept} is kept on the host" if services else "no service is built from what changes")
    reads = fitting.checks(target.files, missing)
    return Step("build", title, why, (*images.commands(now, target, missing), *reads), deadline=images.BUILD_DEADLINE)


def _recreate(now: State, services: list[Deployed], target: Target, *, up: bool) -> Step:
    whom = ", ".join(deployed.service for deployed in services)
    title, why = (
        f"Recreate {whom}",
        "The tag that the target's compose files name is the target's image from now on, so that the next `up` keeps it.",
    )
    if not services:
        return Step("recreate", "Recreate the services", why, skip="no service is built from what changes")
    sha, leaders = target.commit.sha, _leaders(services, target)
    kept = {name: now.stack.kept_image(leader, sha) for name, leader in leaders.items()}
    tags = [Command.of("docker", "tag", kept[name], now.stack.kept_image(name, sha)) for name in leaders if leaders[name] != name]
    tags += dict.fromkeys(Command.of("docker", "tag", image, target.services[name].image) for name, image in kept.items())
    return Step("recreate", title, why, (*tags, *(_up(services) if up else ())), changes=Changes.STACK, part=replicas.PART)


def _up(services: list[Deployed]) -> tuple[Command, ...]:
    return recreate.up(_ways(services))


def _back(services: list[Deployed]) -> tuple[Command, ...]:
    return recreate.back(_ways(services), (one for deployed in services for one in deployed.replicas))


def _ways(services: list[Deployed]) -> recreate.Ways:
    """How compose is called for the services, with as many replicas as there are now."""
    return {one.service: (one.compose, docker.count(one.replicas)) for one in services if one.compose}


def _remember(now: State, services: list[Deployed], sha: str, incident: str) -> Step:
    ledger = f"{now.stack.state}/{releases.FILE}"
    commands: list[Command] = []
    for deployed in services:
        if deployed.running and deployed.running != sha and deployed.container:
            commands.append(
                releases.enter(ledger, deployed.service, deployed.running, deployed.container.image, healthy=False, incident=incident)
            )
        good = now.stack.kept_image(deployed.service, sha)
        commands.append(releases.enter(ledger, deployed.service, sha, good, healthy=True, incident=incident, compose=deployed.compose))
    return Step("remember", "Enter the outcome in the ledger of releases", snapshots.REMEMBER, tuple(commands),
                skip=None if commands else "no service was built")  # fmt: skip


def _undo(now: State, services: list[Deployed], target: Target, incident: str, restore: Step, *, up: bool) -> tuple[Step, ...]:
    steps = [] if restore.skip else [tree.back(now, incident)]
    ran = [deployed for deployed in services if deployed.container]
    tags = [
        Command.of("docker", "tag", _kept(now, deployed, incident), deployed.container.image_name) for deployed in ran if deployed.container
    ]
    tags += [command for deployed in ran for command in _names_back(deployed, target)]
    if ran:
        steps.append(
            Step("undo_recreate", "Start the images that ran before", "They were kept under rollback/ tags.",
                 (*tags, *(_back(ran) if up else ())), changes=Changes.STACK, part=replicas.PART)
        )  # fmt: skip
    return tuple(steps)


def _names_back(deployed: Deployed, target: Target) -> tuple[Command, ...]:
    """If the target's files name the image of a service differently, undo what the rollback did to that name: point it to the image that
    it had before, or remove it."""
    name = target.services[deployed.service].image
    if deployed.container is None or name == deployed.container.image_name:
        return ()
    meant = target.named.get(name)
    return (Command.of("docker", "tag", meant, name) if meant else Command.of("docker", "image", "rm", "--no-prune", name),)


def _cleanup(now: State, services: list[Deployed], sha: str, incident: str) -> tuple[Command, ...]:
    tags = tuple(_kept(now, deployed, incident) for deployed in services if deployed.container)
    untag = (Command.of("docker", "image", "rm", *tags),) if tags else ()
    return (images.clean_up(now.stack, sha), tree.forget(now.stack, incident), *untag)


def _rows(now: State, services: list[Deployed], target: Target) -> tuple[tuple[str, str], ...]:
    verdicts = {candidate.commit.sha: candidate.verdict for candidate in candidates(now)}
    sha, leaders = target.commit.sha, _leaders(services, target)
    there = {deployed.service for deployed in services if deployed.kept_image(sha)}
    kept = [name for name, leader in leaders.items() if leader in there]
    missing = [name for name in leaders if name not in kept]
    origin = [f"{some(kept)}: kept on the host, no build needed"] if kept else []
    origin += [f"{some(missing)}: to be built from the commit"] if missing else []
    return (
        ("host", now.stack.host),
        ("services", ", ".join(f"{deployed.service} × {docker.count(deployed.replicas)}" for deployed in services)
         or "none is built from what changes"),
        ("left alone", "\n".join(f"{name}: {why}" for name, why in target.others.items()) or "no other service of this tree"),
        ("runs now", "\n".join(_runs(deployed) for deployed in services)),
        ("target", f"{target.commit.short} {target.commit.subject} ({target.commit.author}, {times.minute(target.commit.when)})"),
        ("known of it", verdicts.get(sha) or "nothing yet: it was never verified here"),
        ("image", "\n".join(origin) or "none"),
    )  # fmt: skip


def _runs(deployed: Deployed) -> str:
    return (
        f"{deployed.service}: {deployed.running[:7]} (by the {deployed.by})" if deployed.running else f"{deployed.service}: {deployed.by}"
    )


def _loses(target: Target) -> tuple[str, ...]:
    words = {"added": "restored", "deleted": "removed", "modified": "changed", "mode": "another mode only"}
    lines = []
    for kind, word in words.items():
        paths = [change.path for change in target.changes if change.kind == kind]
        if paths:
            lines.append(f"in the tree, {word} ({len(paths)}): {some(paths, 8)}")
    return tuple(lines)


def _notes(now: State, services: list[Deployed], target: Target, saved: list[str], incident: str) -> tuple[str, ...]:
    notes = []
    if now.repository.shallow:
        notes.append(f"The history in {now.stack.work_tree} is not whole (a shallow clone): what was before it cannot be chosen.")
    if target.unseen:
        notes.append(
            f"git was told not to show changes of {some(target.unseen)}: they stay in the tree, and an image that is built now is "
            "built without them."
        )
    if now.head.branch and now.head.sha != target.commit.sha:
        notes.append(
            f"HEAD is detached at the target, and {now.head.branch} stays where it is: the next `git pull` on the host stops "
            f"with a message instead of bringing the bad commit back. "
            f"When the fix is on {now.head.branch}: `git switch {now.head.branch} && git pull`."
        )
    if saved:
        notes.append(f"Uncommitted changes ({some(saved)}) are kept as the git stash “rollback {incident}”.")
    if any(posixpath.basename(change.path).startswith("Caddyfile") for change in target.changes):
        notes.append("The Caddyfile is another one at the target: Caddy keeps what it has loaded until it is reloaded.")
    for misfit in target.misfits:
        notes.append(
            f"With the target's compose files {misfit.words}. It is left alone here and keeps running; an `up` of the whole stack would "
            "stop it, until its image is named there as it runs now."
        )
    for deployed in services:
        notes += recreate.notes(deployed.replicas)
        if deployed.container is None and deployed.compose:
            files = ", ".join(deployed.compose.files)
            notes.append(
                f"There is no container of {deployed.service} now: compose is called with {files}, and undo brings back the tree only."
            )
        elif len({replica.image for replica in deployed.replicas}) > 1:
            notes.append(f"The replicas of {deployed.service} run different images; undo starts all of them with the newest one's.")
        if deployed.container and (name := target.services[deployed.service].image) != deployed.container.image_name:
            notes.append(
                f"The target's compose files call the image of {deployed.service} {name}, not {deployed.container.image_name} as now."
            )
    return tuple(notes)
