"""The target of a mark: what runs, as healthy or as bad; or a named commit, as bad."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rollback_lib.commands.compose import Compose
from rollback_lib.commands.image import Reference
from rollback_lib.errors import Locked, ParameterError, Refused, TargetRefused
from rollback_lib.facts import docker, git
from rollback_lib.facts.host import Host
from rollback_lib.plan.plan import some
from rollback_lib.procedures.code.state import BY_REFLOG, Deployed, older
from rollback_lib.procedures.mark.state import State
from rollback_lib.procedures.procedure import check_target
from rollback_lib.stack.model import Stack

HEALTHY, BAD = "healthy", "bad"
COMMIT = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/~^-]{0,199}")
_SHA, _BEGINNING = re.compile(r"[0-9a-f]{40}"), re.compile(r"[0-9a-f]{4,40}")


@dataclass(frozen=True)
class Entry:
    """A service to enter in the ledger. `commit` is "" if its image was made from no known commit, `image` is "" if no image is known.
    `containers` are the ids of the containers that were seen with this image."""

    service: str
    commit: str
    image: str
    compose: Compose | None = None
    containers: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The commit or image that identifies its release."""
        return self.commit or self.image

    @property
    def words(self) -> str:
        """Its name in a sentence."""
        return f"{self.service} {self.commit[:7] or f'image {self.image[7:19]}'}"


@dataclass(frozen=True)
class Target:
    """What to enter, as healthy or, if not `healthy`, as bad. `left_out` says why other services are not entered. `running` is True if it
    is what runs, so that its files are known."""

    entries: tuple[Entry, ...]
    why: str
    healthy: bool
    left_out: tuple[str, ...] = ()
    running: bool = True

    @property
    def name(self) -> str:
        """What it is called in the record."""
        return self.entries[0].key


def check(stack: Stack, verdict: object = HEALTHY, target: object = "") -> None:
    """Check the parameters before anything is contacted. Raises ParameterError."""
    if verdict not in (HEALTHY, BAD):
        raise ParameterError(f"verdict: one of {HEALTHY}, {BAD} is expected, not {verdict!r}")
    check_target(target, COMMIT, "a commit, tag or branch")
    if target and verdict == HEALTHY:
        raise ParameterError("target: only what runs can be found healthy; leave the commit out, or mark it as bad")


def examine(host: Host, now: State, target: str, verdict: str = HEALTHY) -> Target:
    """What to enter. Raises Locked if another run holds the lock of the stack, TargetRefused if there is nothing to enter."""
    check(now.stack, verdict, target)
    if now.holder:
        raise Locked(f"{now.stack.host} is held by {now.holder.words}; what runs may change: mark it when that run has ended")
    if target:
        return _named(host, now, target)
    return _healthy(now) if verdict == HEALTHY else _bad(now)


def entries(now: State) -> tuple[dict[str, Entry], dict[str, str]]:
    """The services that can be entered as healthy; and the others, with the reason why they cannot."""
    found = {one.service: _entry(now, one) for one in now.services}
    whole = {name: one for name, one in found.items() if isinstance(one, Entry)}
    return whole, {name: one for name, one in found.items() if isinstance(one, str)}


def _healthy(now: State) -> Target:
    found, why = entries(now)
    main = now.main.service
    if main in why:
        raise TargetRefused(f"{main} is no release that a rollback could go back to: {why[main]}")
    return Target(tuple(found.values()), "what runs", True, tuple(f"{name}: {words}" for name, words in why.items()))


def _entry(now: State, one: Deployed) -> Entry | str:
    if one.container is None:
        return f"it has no container; start it, e.g. `docker compose up -d {one.service}`"
    if not one.up:
        return "its containers do not all run the same image; finish the deploy, then mark it"
    commit, why = _commit(now, one, one.container)
    return why or Entry(one.service, commit, one.container.image, one.compose, tuple(replica.id for replica in one.replicas))


def _commit(now: State, one: Deployed, container: docker.Container) -> tuple[str, str]:
    """The commit from which the service's image was made, "" if it is not known; and, for an image that is built here, why it is not."""
    if _pulled(now.stack, container):
        known, tag = one.running if one.by != BY_REFLOG else None, Reference.parse(container.image_name).tag or ""
        return known or (tag if _SHA.fullmatch(tag) else ""), ""
    if now.changed:
        return "", f"{now.stack.tree} has uncommitted changes ({some(now.changed)}), so its image is of no commit; commit them there"
    if one.running is None:
        return "", f"nothing tells which commit it was built from; build it in {now.stack.tree} and recreate it"
    came = next((move.when for move in one.reflog if move.commit.sha == one.running), None)
    if one.by == BY_REFLOG and older(now.images.get(one.service), came):
        return "", f"its image was here before the commit {one.running[:7]} came; build and recreate it"
    return one.running, ""


def _pulled(stack: Stack, container: docker.Container) -> bool:
    """Whether the container's image comes from a registry: its service is not built here, or it was started with the compose files that
    take the image from a registry."""
    section, built = stack.image, stack.code.names if stack.code else []
    if section is None or container.service not in section.names:
        return stack.code is None
    return container.service not in built or section.started(container.service, container.compose.files)


def _bad(now: State) -> Target:
    """What runs, to enter as bad: the main service, and others that came with it. A service that was healthy with another release of the
    main service is not to blame."""
    there = [(one, one.container) for one in now.services if one.container]
    found = [Entry(one.service, _commit(now, one, container)[0], container.image) for one, container in there]
    if not found or found[0].service != now.main.service:
        raise TargetRefused(f"nothing of {now.main.service} runs on {now.stack.host}; name what is bad: --bad COMMIT")
    return Target((found[0], *(one for one in found[1:] if not proven_elsewhere(now, _healthy_in(now, one)))), "what runs", False)


def proven_elsewhere(now: State, incidents: Iterable[str]) -> bool:
    """Whether one of these incidents did not find the running release of the main service healthy, but another one; or none, as the
    rollback of a file does."""
    container, sha = now.main.container, now.main.running
    same = (one for one in now.main.releases if (container and one.image == container.image) or (one.commit and one.commit == sha))
    mine = {one.incident for one in same if one.healthy}
    return any(one not in mine for one in incidents)


def _healthy_in(now: State, one: Entry) -> list[str]:
    """The incidents that entered this release as healthy."""
    return [line.incident for line in now.ledger if line.healthy and (line.service, line.commit or line.image) == (one.service, one.key)]


def _named(host: Host, now: State, target: str) -> Target:
    """A named commit, for every service that ran it; for all services if that is not known."""
    known = {line.commit for line in now.ledger if _BEGINNING.fullmatch(target) and line.commit.startswith(target)}
    if len(known) > 1:
        raise TargetRefused(f"{target!r} names more than one release of {now.stack.host}; give more of the commit's id")
    try:
        sha = known.pop() if known else host.ask(git.resolve(now.stack.work_tree, target)).result().sha
    except Refused as error:
        raise TargetRefused(str(error)) from None
    images = {one.service: _image(one, sha) for one in now.services}
    ran = [Entry(name, sha, image) for name, image in images.items() if image]
    return Target(tuple(ran) or tuple(Entry(name, sha, "") for name in images), "named as bad", False, running=False)


def _image(one: Deployed, sha: str) -> str:
    """The id of the image of a commit that a service ran, "" if it is not known."""
    entered = [line.image for line in one.releases if line.commit == sha and line.image]
    kept = one.kept_image(sha)
    return one.container.image if one.container and one.running == sha else entered[-1] if entered else kept.id if kept else ""
