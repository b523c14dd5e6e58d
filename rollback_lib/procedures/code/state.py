"""What is deployed, what the containers were made of, and what there is to go back to."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rollback_lib.commands.compose import Compose
from rollback_lib.facts import compose, docker, git, releases, repository
from rollback_lib.facts.compose import Defined, Service
from rollback_lib.facts.host import Host
from rollback_lib.facts.repository import Repository
from rollback_lib.health.probe import Probe
from rollback_lib.procedures.common import compose_call
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.model import Stack

NAME = "code"
BY_REFLOG = "reflog at the container's creation"  # how we know what runs, where nothing of the image itself tells


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
                return image.tag, "image kept by a run"
        if container.revision:
            return container.revision, "image label"
        for move in self.reflog:
            if move.when <= container.created:
                return move.commit.sha, BY_REFLOG
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


def document(host: Host, stack: Stack) -> State:
    """What is deployed, what the containers were made of, what is kept."""
    tree, section = stack.work_tree, stack.section(NAME)
    version, head, log, reflog = (
        host.ask(compose.VERSION),
        host.ask(git.head(tree)),
        host.ask(git.log(tree)),
        host.ask(git.reflog(tree)),
    )
    shape, lines = host.ask(repository.repository(tree)), host.ask(docker.service_lines(stack, section.main))
    project, ledger = host.ask(docker.project(stack)), host.ask(releases.releases(stack.state))
    kept = {name: host.ask(docker.images(stack.kept_repository(name))) for name in section.names}
    of, services = docker.by_service(project.result()), []
    for name in section.names:
        way = compose_call.way(stack, name, project.result(), ledger.result())
        mine = [one for one in ledger.result() if one.service == name]
        services.append(Deployed(name, tuple(of.get(name, ())), way, kept[name].result(), mine, reflog.result()))
    environments = host.ask(docker.image_environments({container.image for one in services for container in one.replicas}))
    defined = {way: host.ask(compose.defined(way)) for way in dict.fromkeys(one.compose for one in services) if way}
    return State(
        stack=stack, head=head.result(), log=log.result(), reflog=reflog.result(), services=tuple(services),
        defined={way: one.result() for way, one in defined.items()}, environments=environments.result(), compose=version.result(),
        lines=lines.result(), repository=shape.result(),
    )  # fmt: skip


def older(image: datetime | None, came: datetime | None) -> bool:
    """Whether an image was on the host before a commit came there, so that it was not built from it; not, where one of the two is not
    known. Clocks and slow checkouts have five minutes."""
    return bool(came and image and image < came - timedelta(minutes=5))


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
