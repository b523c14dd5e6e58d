"""The target of a release rollback: a release that was healthy here, and what has to be done to come back to it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from rollback_lib.commands.compose import Compose
from rollback_lib.errors import ParameterError, TargetRefused
from rollback_lib.facts import compose, docker, git
from rollback_lib.facts.compose import Defined
from rollback_lib.facts.host import Host
from rollback_lib.facts.whole_release import Ran, WholeRelease
from rollback_lib.procedures import caddyfile, code, env, image
from rollback_lib.procedures.code.target import DIRTY, beside
from rollback_lib.procedures.common import fitting
from rollback_lib.procedures.env.target import to_recreate
from rollback_lib.procedures.image.state import candidates as images_of
from rollback_lib.procedures.procedure import check_target
from rollback_lib.procedures.release import databases as of_databases
from rollback_lib.procedures.release.dimensions import Difference, Kind
from rollback_lib.procedures.release.state import NAME, State, differences
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

LATEST = "latest"
TO = re.compile(r"latest|[0-9a-f]{6,40}|(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d(?::\d\d)?Z?|\d{4}-\d\d-\d\d")
_WORDS = "latest, a release as the list shows it, its commit, or a time in UTC such as 2026-11-29T18:00 or 18:00"


@dataclass(frozen=True)
class Retag:
    """A service that is neither built here nor pinned in a file: the name by which the compose files call its image means another image
    then than `now`."""

    service: str
    name: str
    then: str
    now: str


@dataclass(frozen=True)
class Target:
    """The chosen release, and why it was chosen. `differences` are those from now.

    `code`, `envs` (by path), `images` (by service) and `caddy` are the targets of the procedures of which this one is made, each with
    the state that it starts from; None and empty where nothing differs. `retags` are other services with another image. `recreate` are
    the services that get new containers, each with how compose is called for it and how many there are. `kept` holds the ids of images
    that are on the host, by service. `databases` are those that were asked for, each with its state and backup. `risks` are sentences on
    what the target may not get along with."""

    release: WholeRelease
    why: str
    differences: tuple[Difference, ...]
    code: tuple[code.State, code.Target] | None
    envs: Mapping[str, tuple[env.State, env.Target]]
    images: Mapping[str, tuple[image.State, image.Target]]
    caddy: tuple[caddyfile.State, caddyfile.Target] | None
    retags: tuple[Retag, ...]
    recreate: Mapping[str, tuple[Compose, int]]
    kept: Mapping[str, str]
    databases: Mapping[str, of_databases.Chosen] = field(default_factory=dict)
    risks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.release.incident


def check(stack: Stack, to: object = LATEST, dirty: object = "refuse", databases: object = "", accept_loss: object = "") -> None:
    """Check the parameters before anything is contacted. Raises ParameterError."""
    check_target(to, TO, _WORDS)
    if dirty not in DIRTY:
        raise ParameterError(f"dirty: one of {', '.join(DIRTY)} is expected, not {dirty!r}")
    of_databases.check(stack, databases, accept_loss)


def choose(now: State, to: str) -> tuple[WholeRelease, str]:
    """The release to go back to, and why: for `latest` the newest one that differs from what runs and was not found bad since; for a time
    the newest one that was there then. Raises TargetRefused if there is none."""
    if not now.releases:
        raise TargetRefused(
            "the host knows no release that was healthy here; enter one when the stack is healthy: `rollback mark`, after each deploy"
        )
    if to in ("", LATEST):
        good = [one for one in now.releases if one.commit not in now.bad]
        other = next((one for one in good if any(found.restored for found in differences(now, one))), None)
        if other:
            return other, f"the newest release that was healthy here ({times.minute(other.when)}) and differs from what runs"
        return (good or now.releases)[0], "the newest release that was healthy here"
    if (when := _time(to)) is not None:
        found = next((one for one in now.releases if one.when <= when), None)
        if found is None:
            raise TargetRefused(f"no release was healthy here by {times.minute(when)}; the first was {times.minute(now.releases[-1].when)}")
        return found, f"the last one that was healthy here by {times.minute(when)}"
    named = [one for one in now.releases if one.incident == to] or [one for one in now.releases if one.commit.startswith(to)]
    if not named:
        raise TargetRefused(f"{to!r} is no release that was healthy here; take one from the list of candidates")
    return named[0], "named as the target"


def examine(host: Host, now: State, target: str) -> Target:
    """Choose the release, and prove everything of it that has to be brought back. Raises TargetRefused if something of it is gone."""
    check_target(target, TO, _WORDS)
    release, why = choose(now, target)
    found = tuple(differences(now, release))
    wrong = {name: ran for name, ran in release.services.items() if any(one.image != ran.image for one in now.of(name)) or not now.of(name)}
    stored = host.ask(docker.stored({ran.image for ran in wrong.values()})).result()
    pulled = [name for name, ran in wrong.items() if _from_registry(now.stack, name, ran) and not _pinned_by(now, name, found)]
    built = [name for name in wrong if name not in pulled and now.stack.code and name in now.stack.code.names]
    of_code = _code(host, now, release, found, built, stored)
    envs = {path: _env(host, now, release, path) for path in now.envs if _differs(found, path)}
    images = {name: (now.images[name], _image(host, now, name, release.services[name])) for name in pulled}
    caddy = _caddy(host, now, release, found, of_code[1] if of_code else None)
    others = {name: ran for name, ran in wrong.items() if name not in (*pulled, *built)}
    recreate = {*wrong, *(name for state, chosen in envs.values() for name in to_recreate(state, chosen))}
    recreate |= {name for name in release.services if any(_failed(one) for one in now.of(name))}
    recreate |= _redefined(host, now, release, of_code[1] if of_code else None)
    starts = {name: fitting.Start(ran.image, ran.name) for name, ran in release.services.items() if name in recreate}
    fitting.refuse(host, fitting.files(host, [docker.newest(now.of(name)) for name in recreate]), starts)
    changed = [one.dimension.of for one in found if one.dimension.kind is Kind.SCHEMA and not one.restored]
    return Target(
        release=release, why=why, differences=found, code=of_code, envs=envs, images=images, caddy=caddy,
        retags=tuple(_retag(now, name, ran, stored) for name, ran in others.items()),
        recreate={name: _way(now, release, name) for name in sorted(recreate)},
        kept={name: ran.image for name, ran in wrong.items() if ran.image in stored},
        databases=of_databases.examine(host, now.databases, release), risks=of_databases.risks(host, now.stack, changed),
    )  # fmt: skip


def _time(to: str) -> datetime | None:
    """A time as a person gives it; None for anything else. A time of day is that of today, a day means its end."""
    word = to.rstrip("Z").replace(" ", "T")
    if re.fullmatch(r"\d{4}-\d\d-\d\d", word):
        word += "T23:59:59"
    elif re.fullmatch(r"\d\d:\d\d(:\d\d)?", word):
        word = f"{times.day(datetime.now(UTC))}T{word}"
    try:
        return datetime.fromisoformat(word).replace(tzinfo=UTC) if "T" in word else None
    except ValueError:
        raise TargetRefused(f"{to!r} is no time; {_WORDS} is expected") from None


def _differs(found: tuple[Difference, ...], path: str) -> bool:
    return any(one.dimension.kind is Kind.FILE and one.dimension.of == path for one in found)


def _pinned_by(now: State, name: str, found: tuple[Difference, ...]) -> bool:
    """Whether the file that pins the image of a service comes back as an env file, and the pin with it."""
    return _differs(found, now.images[name].compose.variables) and now.images[name].compose.variables in now.envs


def _from_registry(stack: Stack, service: str, ran: Ran) -> bool:
    return stack.image is not None and stack.image.started(service, ran.compose.files)


def _code(
    host: Host, now: State, release: WholeRelease, found: tuple[Difference, ...], built: list[str], stored: Mapping[str, docker.Stored],
) -> tuple[code.State, code.Target] | None:  # fmt: skip
    """The tree, and the images that are built from it. An image of the release that is still here counts as built."""
    if now.code is None or not release.commit or not (built or any(one.dimension.kind is Kind.COMMIT for one in found)):
        return None
    state = replace(now.code, services=tuple(_as_then(now, one, release, stored) for one in now.code.services))
    return state, code.examine(host, state, release.commit, built)


def _as_then(now: State, one: code.Deployed, release: WholeRelease, stored: Mapping[str, docker.Stored]) -> code.Deployed:
    """A service that is built here, with the image of the release among those that are kept, and compose called as it was then."""
    ran = release.services.get(one.service)
    if ran is None:
        return one
    kept = [docker.Image(now.stack.kept_repository(one.service), release.commit, ran.image)] if ran.image in stored else []
    return replace(one, compose=ran.compose, kept=[*kept, *(image for image in one.kept if image.tag != release.commit)])


def _env(host: Host, now: State, release: WholeRelease, path: str) -> tuple[env.State, env.Target]:
    kept, state = (release.files or {})[path].kept, now.envs[path]
    version = next((one for one in state.versions if one.file.path == kept), None)
    if version is None:
        raise TargetRefused(_gone(now, release, path))
    return state, env.examine(host, state, version.name)


def _image(host: Host, now: State, name: str, ran: Ran) -> image.Target:
    """The image of a service from a registry: the same one, from the host or by its digest."""
    digest = ran.name.partition("@")[2]
    rows = images_of(now.images[name])
    found = [one for one in rows if one.image == ran.image] or [one for one in rows if digest and one.digest == digest]
    if not found:
        raise TargetRefused(f"the image {ran.image[7:19]} of {name} is neither on {now.stack.host} nor known in the registry")
    return image.proven(host, now.images[name], found[0], "the image of that release")


def _caddy(
    host: Host, now: State, release: WholeRelease, found: tuple[Difference, ...], of_code: code.Target | None,
) -> tuple[caddyfile.State, caddyfile.Target] | None:  # fmt: skip
    """The Caddyfile, if it differs, or Caddy runs with something else than the file says."""
    file = (release.files or {}).get(now.stack.caddyfile.file) if now.stack.caddyfile else None
    if now.caddy is None or file is None or not (_differs(found, file.path) or now.caddy.loaded is False):
        return None
    content = now.copies.get(file.kept)
    version = next((one for one in now.caddy.versions if one.content == content), None)
    if version is None:
        raise TargetRefused(_gone(now, release, file.path))
    path = now.stack.in_tree(file.path)
    edited = now.code is not None and path in now.code.head.dirty
    moved = of_code is not None and (edited or any(change.path == path for change in of_code.changes))
    coming = host.ask(git.file_at(now.stack.work_tree, path, release.commit)).result() if of_code and path else None
    state = replace(now.caddy, coming=coming, replaced=moved)
    return state, caddyfile.examine(host, state, version.name)


def _gone(now: State, release: WholeRelease, path: str) -> str:
    return (
        f"the copy of {path} that release {release.incident} was healthy with is not on {now.stack.host} any more; choose another release, "
        "or roll back what you need of it one by one"
    )


def _retag(now: State, name: str, ran: Ran, stored: Mapping[str, docker.Stored]) -> Retag:
    if ran.image not in stored:
        raise TargetRefused(f"the image {ran.image[7:19]} that {name} ran then is gone from {now.stack.host}; pull it there first")
    newest = docker.newest(now.of(name))
    return Retag(name, ran.name or (newest.image_name if newest else ""), ran.image, newest.image if newest else "")


def _failed(container: docker.Container) -> bool:
    """Whether a container should run and does not."""
    return container.state != "running" and not container.completed


def _way(now: State, release: WholeRelease, name: str) -> tuple[Compose, int]:
    """How compose is called for a service, and how many containers it has: as it was then, with as many as there are now."""
    ran, newest = release.services.get(name), docker.newest(now.of(name))
    assert ran or newest
    way = ran.compose if ran else newest.compose  # type: ignore[union-attr]
    return way, docker.count(now.of(name)) or (ran.count if ran else 0)


def _redefined(host: Host, now: State, release: WholeRelease, of_code: code.Target | None) -> set[str]:
    """The services that the compose files define in another way then, or that were started with other files."""
    moved = {name for name, ran in release.services.items() if (newest := docker.newest(now.of(name))) and newest.compose != ran.compose}
    if of_code is None or now.code is None or not of_code.changes:
        return moved
    ways = {ran.compose for ran in release.services.values()}
    here = {way: host.ask(compose.defined(way)) for way in ways}
    then = {way: host.ask(compose.defined_at(way, now.stack.work_tree, release.commit, beside(now.code))) for way in ways}
    for name, ran in release.services.items():
        old, new = _defined(then[ran.compose].result(), name), _defined(here[ran.compose].result(), name)
        if now.of(name) and old and old != new:
            moved.add(name)
    return moved


def _defined(known: Defined, name: str) -> object:
    return known[name].definition if isinstance(known, dict) and name in known else None


__all__ = ["LATEST", "NAME", "Retag", "Target", "check", "choose", "examine"]
