"""What is deployed, what the containers were made of, and what there is to go back to."""

from dataclasses import dataclass, field
from datetime import datetime

from rollback_lib.commands.compose import Compose
from rollback_lib.facts import compose, docker, git, releases, repository
from rollback_lib.facts.compose import Defined, Service
from rollback_lib.facts.fact import Dialogue
from rollback_lib.facts.repository import Repository
from rollback_lib.health.probe import Probe
from rollback_lib.procedures.common import compose_call
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.model import Stack

NAME = "code"


@dataclass(frozen=True)
class Deployed:
    """A service as it is deployed: its replicas, how compose is called for it (None where nothing tells), the images that are kept
    of it, its lines of the ledger, and where HEAD has been; `running` is the commit that its newest container was made of, `by`
    how we know."""

    service: str
    replicas: tuple[docker.Container, ...]
    compose: Compose | None
    kept: list[docker.Image]
    releases: list[releases.Release]
    reflog: list[git.Move]

    @property
    def container(self) -> docker.Container | None:
        return docker.newest(self.replicas)

    @property
    def running(self) -> str | None:
        return self._running()[0]

    @property
    def by(self) -> str:
        return self._running()[1]

    @property
    def up(self) -> bool:
        """Whether every replica runs, of the same image."""
        states, images = {one.state for one in self.replicas}, {one.image for one in self.replicas}
        return states == {"running"} and len(images) == 1

    def _running(self) -> tuple[str | None, str]:
        container = self.container
        if container is None:
            return None, "no container"
        for release in reversed(self.releases):
            if release.image == container.image and release.commit:
                return release.commit, "ledger of releases"
        for image in self.kept:
            if image.id == container.image and len(image.tag) == 40:
                return image.tag, "image kept by us"
        if container.revision:
            return container.revision, "image label"
        for move in self.reflog:
            if move.when <= container.created:
                return move.commit.sha, "reflog at the container's creation"
        return None, "not known"

    def kept_image(self, sha: str) -> docker.Image | None:
        return next((image for image in self.kept if image.tag == sha), None)


@dataclass(frozen=True)
class State:
    """What is true of the deployed code. `services` are those that are built from the tree, the one that matters most first;
    `defined` are the services as compose reads its files now, by the way it is called, `environments` the variables that images
    set, by image id."""

    stack: Stack
    head: git.Head
    log: list[git.Commit]
    reflog: list[git.Move]
    services: tuple[Deployed, ...]
    defined: dict[Compose, Defined]
    environments: dict[str, dict[str, Secret]]
    compose: str
    lines: list[str]
    repository: Repository = field(default_factory=Repository)
    probes: tuple[Probe, ...] = ()

    @property
    def main(self) -> Deployed:
        """The service that matters most."""
        return self.services[0]

    @property
    def container(self) -> docker.Container | None:
        return self.main.container

    @property
    def running(self) -> str | None:
        return self.main.running

    @property
    def by(self) -> str:
        return self.main.by

    @property
    def releases(self) -> list[releases.Release]:
        return self.main.releases

    def definition(self, one: Deployed) -> Service | None:
        """What compose would start a service with now; None where it cannot read its files, or has no such service."""
        known = self.defined.get(one.compose) if one.compose else None
        return known.get(one.service) if isinstance(known, dict) else None


@dataclass(frozen=True)
class Candidate:
    """A commit to go back to, and what speaks for it. `deployed` is when it last arrived on this host."""

    commit: git.Commit
    deployed: datetime | None
    verdict: str
    kept: bool
    running: bool
    head: bool


class Candidates(tuple[Candidate, ...]):
    """What there is to choose from, newest on this host first."""


def document(stack: Stack) -> Dialogue[State]:
    """What is deployed, what the containers were made of, what is kept."""
    names = stack.code.names
    found = yield {
        "compose": compose.VERSION,
        "head": git.head(stack.tree),
        "log": git.log(stack.tree),
        "reflog": git.reflog(stack.tree),
        "repository": repository.repository(stack.tree),
        "project": docker.project(stack),
        "lines": docker.service_lines(stack, stack.code.main),
        **{f"kept {name}": docker.images(stack.kept_repository(name)) for name in names},
        "ledger": releases.releases(stack.state),
    }
    project: list[docker.Container] = found.pop("project")
    ledger: list[releases.Release] = found.pop("ledger")
    of, services = docker.by_service(project), []
    for name in names:
        way, mine = compose_call.way(stack, name, project, ledger), [one for one in ledger if one.service == name]
        services.append(Deployed(name, tuple(of.get(name, ())), way, found.pop(f"kept {name}"), mine, found["reflog"]))
    ways = list(dict.fromkeys(one.compose for one in services if one.compose))
    images = {container.image for one in services for container in one.replicas}
    asked = yield {
        "images": docker.image_environments(images),
        **{f"defined {number}": compose.defined(way) for number, way in enumerate(ways)},
    }
    defined = {way: asked[f"defined {number}"] for number, way in enumerate(ways)}
    return State(stack=stack, services=tuple(services), defined=defined, environments=asked["images"], **found)


def candidates(now: State) -> Candidates:
    """Commits of the history and those that were deployed here, newest first."""
    deployed: dict[str, datetime] = {}
    commits = {commit.sha: commit for commit in now.log}
    for move in now.reflog:
        deployed.setdefault(move.commit.sha, move.when)
        commits.setdefault(move.commit.sha, move.commit)
    verdicts = {release.commit: release.verdict for release in now.releases}
    order = sorted(commits.values(), key=lambda commit: (deployed.get(commit.sha, commit.when), commit.when), reverse=True)
    return Candidates(
        Candidate(
            commit=commit,
            deployed=deployed.get(commit.sha),
            verdict=verdicts.get(commit.sha, ""),
            kept=now.main.kept_image(commit.sha) is not None,
            running=commit.sha == now.running,
            head=commit.sha == now.head.sha,
        )
        for commit in order
    )
