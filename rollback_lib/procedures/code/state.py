"""The state of the deployed code: the tree, the services with the commit that each runs, and the commits to choose from."""

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
    """A service as it is deployed. `compose` is how compose is called for it, None if nothing says so. `kept` are its images that runs
    kept, `releases` its lines of the ledger, `reflog` the earlier positions of HEAD, newest first."""

    service: str
    replicas: tuple[docker.Container, ...]
    compose: Compose | None
    kept: list[docker.Image]
    releases: list[releases.Release]
    reflog: list[git.Move]

    @property
    def container(self) -> docker.Container | None:
        """The newest container."""
        return docker.newest(self.replicas)

    @property
    def running(self) -> str | None:
        """The full id of the commit from which the newest container was made; None if it is not known."""
        return self._running()[0]

    @property
    def by(self) -> str:
        """In words, the source from which `running` is known."""
        return self._running()[1]

    @property
    def up(self) -> bool:
        """Whether every replica runs, and all have the same image."""
        states, images = {replica.state for replica in self.replicas}, {replica.image for replica in self.replicas}
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
    """The state of the deployed code. `log` is the history of HEAD, `reflog` its earlier positions, newest first. `services` are those
    that are built from the tree, the most important one first. `defined` holds, for each way in which compose is called, the services
    as it reads its files now. `environments` holds the variables that each image sets, by image id. `compose` is its version, `lines`
    are the last lines of the main service's log, and `containers` are all of the stack."""

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
    containers: tuple[docker.Container, ...] = ()
    probes: tuple[Probe, ...] = ()

    @property
    def main(self) -> Deployed:
        """The most important service: the first of the stack's section `code`."""
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

    def definition(self, deployed: Deployed) -> Service | None:
        """The service as compose would start it now; None if compose cannot read its files, or they have no such service."""
        known = self.defined.get(deployed.compose) if deployed.compose else None
        return known.get(deployed.service) if isinstance(known, dict) else None


@dataclass(frozen=True)
class Candidate:
    """A commit that can be the target. `deployed` is when it last arrived on this host, None if it never did. `verdict` says whether it
    was healthy here, "" if that is not known. `kept`: its image is on the host. `running`: it runs now. `head`: the tree is on it."""

    commit: git.Commit
    deployed: datetime | None
    verdict: str
    kept: bool
    running: bool
    head: bool


class Candidates(tuple[Candidate, ...]):
    """The commits to choose from; the one that arrived last on this host comes first."""


def document(host: Host, stack: Stack) -> State:
    """Ask the host for the state of the deployed code."""
    tree, section = stack.work_tree, stack.section(NAME)
    version, head, log, reflog = (
        host.ask(compose.VERSION),
        host.ask(git.head(tree)),
        host.ask(git.log(tree)),
        host.ask(git.reflog(tree)),
    )
    shape = host.ask(repository.repository(tree))
    project, ledger = host.ask(docker.project(stack)), host.ask(releases.releases(stack.state))
    kept = {name: host.ask(docker.images(stack.kept_repository(name))) for name in section.names}
    of, services = docker.by_service(project.result()), []
    for name in section.names:
        way = compose_call.way(stack, name, project.result(), ledger.result())
        mine = [release for release in ledger.result() if release.service == name]
        services.append(Deployed(name, tuple(of.get(name, ())), way, kept[name].result(), mine, reflog.result()))
    lines = host.ask(docker.lines(docker.newest(of.get(section.main, ()))))
    environments = host.ask(docker.image_environments({container.image for deployed in services for container in deployed.replicas}))
    defined = {way: host.ask(compose.defined(way)) for way in dict.fromkeys(deployed.compose for deployed in services) if way}
    return State(
        stack=stack, head=head.result(), log=log.result(), reflog=reflog.result(), services=tuple(services),
        defined={way: answer.result() for way, answer in defined.items()}, environments=environments.result(), compose=version.result(),
        lines=lines.result(), repository=shape.result(), containers=tuple(project.result()),
    )  # fmt: skip


def older(image: datetime | None, came: datetime | None) -> bool:
    """Whether an image was on the host before a commit came there, so that it was not built from it. False if either time is not known.
    Five minutes are allowed for clocks and slow checkouts."""
    return bool(came and image and image < came - timedelta(minutes=5))


def candidates(now: State) -> Candidates:
    """The commits of the history and those that were deployed here, the latest first."""
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
