"""The target of a code rollback: the commit, and what it changes for each service."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from rollback_lib.commands.compose import Compose
from rollback_lib.errors import ParameterError, Refused, TargetRefused
from rollback_lib.facts import compose, docker, git, releases, repository
from rollback_lib.facts.compose import Defined
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.host import Answer, Host
from rollback_lib.facts.repository import Submodule
from rollback_lib.facts.stores import Held
from rollback_lib.procedures.code import shapes
from rollback_lib.procedures.code.state import NAME, Deployed, State
from rollback_lib.procedures.common import compose_call, fitting
from rollback_lib.procedures.procedure import check_target
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

REVISION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/~^-]{0,199}")
DIRTY = ("refuse", "save")
LEFT = "it runs the target's image"


@dataclass(frozen=True)
class Target:
    """The chosen commit, and why it was chosen.

    `changes` lead from HEAD to it; `diff` shows them as text. `in_the_way` are untracked files where the target has files of its own.
    `services` are the services to build and recreate, as the commit's own compose files define them. `others` are left alone; the
    reason is given for each. `named` holds, for each name of an image in `services`, the id of the image that has this name on the
    host now, None if there is none. `submodules` are those that are checked out. `unseen` are changed files that git was told not to
    show. `files` are those of stores that the services have mounted. `misfits` are services that are not recreated, whose files the image
    named at the target could not read.
    """

    commit: git.Commit
    why: str
    changes: list[git.Change]
    diff: str
    in_the_way: list[str]
    services: dict[str, compose.Service]
    others: dict[str, str] = field(default_factory=dict)
    named: dict[str, str | None] = field(default_factory=dict)
    submodules: tuple[Submodule, ...] = ()
    unseen: tuple[str, ...] = ()
    files: Mapping[str, Held] = field(default_factory=dict)
    misfits: tuple[fitting.Misfit, ...] = ()

    @property
    def name(self) -> str:
        """What the target is called in the record."""
        return self.commit.sha


def check(stack: Stack, target: object = "", dirty: object = "refuse") -> None:
    """Check the parameters before anything is contacted. Raises ParameterError."""
    stack.section(NAME)
    check_target(target, REVISION, "a commit, tag or branch")
    if dirty not in DIRTY:
        raise ParameterError(f"dirty: one of {', '.join(DIRTY)} is expected, not {dirty!r}")


def choose(now: State, target: str) -> tuple[str, str]:
    """The revision to go back to, and why. If `target` is empty, this is the newest other release that was healthy here, or else what
    was deployed before, according to the reflog. Raises TargetRefused if there is neither."""
    if target:
        return target, "named as the target"
    bad = releases.found_bad(now.releases)
    for release in reversed(now.releases):
        if release.healthy and release.commit and release.commit != (now.running or now.head.sha) and release.commit not in bad:
            return release.commit, f"the newest release that was healthy here ({times.minute(release.when)})"
    running = now.running or now.head.sha
    arrived = [move for move in now.reflog if now.container is None or move.when <= now.container.created]
    for move in arrived:
        if move.commit.sha != running and move.commit.sha not in bad:
            return move.commit.sha, f"what was deployed here before ({times.minute(move.when)}, by the reflog)"
    raise TargetRefused(
        "no target was named, and neither the ledger nor the reflog of the host knows an earlier release; name a commit: target=SHA"
    )


def examine(host: Host, now: State, target: str, wanted: Collection[str] | None = None) -> Target:
    """Look at the target on the host: the commit, the changes that lead to it, and the services that it concerns: those in `wanted`, or
    else those in which it differs. Raises TargetRefused for an unknown commit or one that cannot be built, Refused for a repository in a
    state that a rollback cannot handle."""
    check(now.stack, target)
    revision, why = choose(now, target)
    tree = now.stack.work_tree
    resolved = host.ask(git.resolve(tree, revision))
    # What was chosen here is a commit, so everything about it can be asked at once.
    sha = _commit(now, resolved, revision).sha if target else revision
    here = (tree, now.head.sha, sha)
    changes, unseen = host.ask(git.changes(*here)), host.ask(repository.unseen(tree))
    diff, in_the_way = host.ask(git.diff(*here)), host.ask(git.in_the_way(*here))
    running = {deployed.running for deployed in now.services if deployed.running}
    since = {then: host.ask(git.changes_if_known(tree, then, sha)) for then in running}
    submodules = host.ask(repository.submodules(tree, sha))
    named = {name: host.ask(docker.image_id(name)) for name in _images(now)}  # most have the same name at the target
    commit = _commit(now, resolved, revision)
    shapes.check(now, commit, changes.result(), unseen.result())
    modules, ways = repository.with_their_own(host, tree, submodules.result()), _ways(now)
    if modules or unseen.result() or not _defined_alike(now, ways, changes.result()):
        defined = {way: host.ask(_defined_at(now, way, commit.sha, modules)) for way in ways}
        known = {way: answer.result() for way, answer in defined.items()}
    else:
        known = {way: now.defined[way] for way in ways}
    changed = {then: answer.result() for then, answer in since.items()}
    reasons = {
        one.service: _untouched(now, one, _there(known, one), changed) if wanted is None else "" if one.service in wanted else LEFT
        for one in now.services
    }
    services, others = _sorted_out(now, commit, known, reasons)
    images = {service.image for service in services.values()}
    named |= {name: host.ask(docker.image_id(name)) for name in images - named.keys()}
    return Target(
        commit=commit, why=why, changes=changes.result(), diff=diff.result(), in_the_way=in_the_way.result(), services=services,
        others=others, named={name: named[name].result() for name in images}, submodules=tuple(modules), unseen=tuple(unseen.result()),
        files=_files(host, now, services, commit), misfits=_misfits(host, now.containers, known, services),
    )  # fmt: skip


def _files(host: Host, now: State, services: Collection[str], commit: git.Commit) -> dict[str, Held]:
    """The files of stores that the services have mounted. Raises TargetRefused if an image that is kept cannot read them."""
    mine = {one.service: one for one in now.services if one.service in services}
    files = fitting.files(host, [one.container for one in mine.values()])
    kept = {name: image.id for name, one in mine.items() if (image := one.kept_image(commit.sha))}
    fitting.refuse(host, files, {name: fitting.Start(image, "") for name, image in kept.items()})
    return files


def _misfits(
    host: Host, containers: Collection[docker.Container], known: Mapping[Compose, Defined], recreated: Collection[str]
) -> tuple[fitting.Misfit, ...]:  # fmt: skip
    """The services that are left alone, and could not read their files with the image that the target's compose files name."""
    others = {one.service: one for one in containers if one.service not in recreated}
    there = {name: service for way in known.values() if isinstance(way, dict) for name, service in way.items() if name in others}
    moved = {name: one for name, one in there.items() if not one.builds and one.image != others[name].image_name}
    starts = {name: fitting.Start(one.image, one.image) for name, one in moved.items()}
    return tuple(fitting.misfits(host, fitting.files(host, [others[name] for name in moved]), starts))


def _commit(now: State, resolved: Answer[git.Commit], revision: str) -> git.Commit:
    try:
        return resolved.result()
    except Refused as error:
        raise TargetRefused(_not_found(now, revision) if now.repository.shallow else str(error)) from None


def _images(now: State) -> set[str]:
    """The names of the images of the services, as their compose files define them now."""
    return {here.image for deployed in now.services if (here := now.definition(deployed))}


def _not_found(now: State, revision: str) -> str:
    return (
        f"{revision!r} names no commit in {now.stack.work_tree}, whose history is not whole there (a shallow clone); "
        f"fetch the rest, `git -C {now.stack.work_tree} fetch --unshallow`, or take a target from the list of candidates"
    )


def _ways(now: State) -> list[Compose]:
    """The different ways in which compose is called for the services. Raises Refused if nothing says how."""
    unknown = [deployed.service for deployed in now.services if deployed.compose is None]
    if unknown:
        raise compose_call.unknown(now.stack, ", ".join(unknown))
    return list(dict.fromkeys(deployed.compose for deployed in now.services if deployed.compose))


def _defined_alike(now: State, ways: Collection[Compose], changes: Collection[git.Change]) -> bool:
    """Whether compose defines the services at the target as it does now: the tree is as committed, and the target differs only inside
    of folders that are built, in files that compose does not read."""
    tree, contexts = now.stack.work_tree, []
    for way in ways:
        known = now.defined.get(way)
        if not isinstance(known, dict):
            return False
        contexts += [f"{service.context}/" for service in known.values() if service.context]
    paths = [f"{tree}/{change.path}" for change in changes]
    return not now.head.dirty and all(
        path.startswith(tuple(contexts)) and not any(compose.may_read(way, path) for way in ways) for path in paths
    )


def _defined_at(now: State, way: Compose, sha: str, modules: list[Submodule]) -> Fact[Defined]:
    tree = now.stack.work_tree
    return compose.defined_at(way, tree, sha, (*beside(now), *(f"{tree}/{module.path}" for module in modules)))


def beside(now: State) -> tuple[str, ...]:
    """The paths of files in the tree that a build or compose needs and git does not have."""
    paths = (*now.stack.section(NAME).env_files, f"{now.stack.compose_directory}/.env")
    return tuple(dict.fromkeys(path for path in paths if now.stack.in_tree(path) is not None))


def _there(defined: Mapping[Compose, Defined], deployed: Deployed) -> compose.Service | None:
    """A service as the target defines it; None if it has no such service, or compose cannot read its files."""
    known = defined[deployed.compose] if deployed.compose else None
    return known.get(deployed.service) if isinstance(known, dict) else None


def _sorted_out(
    now: State, commit: git.Commit, defined: Mapping[Compose, Defined], reasons: Mapping[str, str]
) -> tuple[dict[str, compose.Service], dict[str, str]]:  # fmt: skip
    """The services that the target changes; and the others, with the reason why they are left alone (`reasons`, "" for none). Raises
    TargetRefused for a service that cannot be built at the target."""
    services: dict[str, compose.Service] = {}
    others: dict[str, str] = {}
    for deployed in now.services:
        assert deployed.compose is not None
        known = defined[deployed.compose]
        if isinstance(known, compose.Unreadable):
            raise TargetRefused(f"compose cannot read its files as they are at {commit.short} ({known.where}); choose another target")
        there, why = known.get(deployed.service), reasons[deployed.service]
        if why and (len(now.services) > 1 or why == LEFT):
            others[deployed.service] = why
        elif there is None:
            raise TargetRefused(f"the compose files of {commit.short} have no service {deployed.service!r}; choose another target")
        elif not there.builds:
            raise TargetRefused(
                f"{deployed.service} is not built from the tree at {commit.short}: its compose files name the image {there.image}; "
                "use the image rollback, or choose another target"
            )
        else:
            services[deployed.service] = there
    return services, others


def _untouched(now: State, deployed: Deployed, there: compose.Service | None, since: Mapping[str, list[git.Change] | None]) -> str:
    """Why a service need not be built and recreated; "" if it has to be. `there` is the service at the target, `since` holds the changes
    from each commit that runs to the target."""
    if there is None:
        return "the target has no such service"
    if deployed.running is None or not deployed.up:
        return ""
    here = now.definition(deployed)
    if here is None or here.definition != there.definition:
        return ""
    changes = since[deployed.running]
    if changes is None:
        return ""
    inside = there.context.removeprefix(now.stack.work_tree).strip("/")
    file = there.dockerfile.removeprefix(now.stack.work_tree).strip("/")
    touched = [change.path for change in changes if not inside or (change.path + "/").startswith((inside + "/", file + "/"))]
    return "" if touched else f"nothing in {inside} differs from what it runs"
