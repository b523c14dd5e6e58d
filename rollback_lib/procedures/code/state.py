"""What is deployed, what the container was made of, and what there is to go back to."""

from dataclasses import dataclass
from datetime import datetime

from rollback_lib.facts import compose, docker, git, releases
from rollback_lib.facts.fact import Dialogue
from rollback_lib.probe import Probe
from rollback_lib.stack import Stack

NAME = "code"


@dataclass(frozen=True)
class State:
    """What is true of the deployed code; `running` is the commit the container was made of, `by` how we know."""

    stack: Stack
    head: git.Head
    log: list[git.Commit]
    reflog: list[git.Move]
    container: docker.Container | None
    kept: list[docker.Image]
    releases: list[releases.Release]
    compose: str
    lines: list[str]
    probes: tuple[Probe, ...] = ()

    @property
    def running(self) -> str | None:
        return self._running()[0]

    @property
    def by(self) -> str:
        return self._running()[1]

    def _running(self) -> tuple[str | None, str]:
        if self.container is None:
            return None, "no container"
        for release in reversed(self.releases):
            if release.image == self.container.image and release.commit:
                return release.commit, "ledger of releases"
        for image in self.kept:
            if image.id == self.container.image and len(image.tag) == 40:
                return image.tag, "image kept by us"
        if self.container.revision:
            return self.container.revision, "image label"
        for move in self.reflog:
            if move.when <= self.container.created:
                return move.commit.sha, "reflog at the container's creation"
        return None, "not known"

    def kept_image(self, sha: str) -> docker.Image | None:
        return next((image for image in self.kept if image.tag == sha), None)


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
    """What is deployed, what the container was made of, what is kept."""
    service = stack.code.service
    found = yield {
        "compose": compose.VERSION,
        "head": git.head(stack.tree),
        "log": git.log(stack.tree),
        "reflog": git.reflog(stack.tree),
        "container": docker.container(stack.compose_directory, service),
        "kept": docker.images(stack.kept_repository(service)),
        "releases": releases.releases(stack.state, service),
        "lines": docker.service_lines(stack.compose_directory, service),
    }
    return State(stack=stack, **found)


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
            kept=now.kept_image(commit.sha) is not None,
            running=commit.sha == now.running,
            head=commit.sha == now.head.sha,
        )
        for commit in order
    )
