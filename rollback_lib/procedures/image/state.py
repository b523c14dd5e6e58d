"""The state of a service that runs an image from a registry: the image that runs, and the images to choose from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from rollback_lib.commands.compose import Compose
from rollback_lib.commands.image import TAG, Reference, tag_variable
from rollback_lib.facts import compose, docker, files, git, registry, releases
from rollback_lib.facts.compose import Defined
from rollback_lib.facts.host import Answer, Host, result_of
from rollback_lib.health.probe import Probe
from rollback_lib.procedures.common import compose_call
from rollback_lib.procedures.common.chosen import chosen
from rollback_lib.procedures.common.parts import by_name
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.model import Stack

NAME = "image"
OTHERS = 10  # how many tags are looked up that name no known commit
SHA = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class State:
    """What runs of a service, and the images to choose from.

    `declared` is the name of the image as the compose files write it, `named` as compose reads it. `variables` is the file that holds
    the choice. `tags` are those of the registry, `tagged` has details of some. `local` are the images of this repository on the host,
    `kept` those that runs kept. `defined` is the service as compose would start it if it is called as it was last. `environments` holds
    the variables that each image sets, by image id. `sharing` holds the images of other services whose tag comes from the same
    variable, as the compose files write them.
    """

    stack: Stack
    service: str
    replicas: list[docker.Container]
    compose: Compose
    declared: str
    named: Reference
    variables: files.File | None
    tags: list[str] | registry.Unavailable
    tagged: dict[str, registry.Tagged]
    local: list[docker.Image]
    kept: list[docker.Image]
    log: list[git.Commit]
    releases: list[releases.Release]
    lines: list[str]
    defined: Defined
    environments: dict[str, dict[str, Secret]]
    sharing: dict[str, str] = field(default_factory=dict)
    probes: tuple[Probe, ...] = ()

    @property
    def container(self) -> docker.Container | None:
        """The newest replica; it stands for all."""
        return docker.newest(self.replicas)

    @property
    def variable(self) -> str | None:
        """The name of the variable that holds the tag in the compose files; None if there is none."""
        return tag_variable(self.declared)

    @property
    def running(self) -> str | None:
        """The commit of the image that runs; None if no tag, label or line of the ledger names it."""
        return self.commit_of(self.container.image) if self.container else None

    def commit_of(self, image: str) -> str | None:
        """The commit from which an image on the host was made; None if it is not known."""
        for release in reversed(self.releases):
            if release.image == image and release.commit:
                return release.commit
        tags = [one.tag for one in (*self.local, *self.kept) if one.id == image] + [
            one.tag for one in self.tagged.values() if one.image == image
        ]
        if self.container and self.container.image == image and self.container.revision:
            tags.append(self.container.revision)
        return next((tag for tag in tags if SHA.fullmatch(tag)), None)


@dataclass(frozen=True)
class Candidate:
    """An image to go back to, with what git and earlier runs know of it. `digest` is its digest in the registry. `image` is its id if
    it is on the host, else None. `size` is in bytes, or in words as docker prints it."""

    tag: str
    commit: git.Commit | None
    digest: str | None
    image: str | None
    when: datetime | None
    size: int | str | None
    in_registry: bool
    verdict: str
    running: bool

    @property
    def made(self) -> datetime | None:
        """When its commit was made, or else when the image was made."""
        return self.commit.when if self.commit else self.when


class Candidates(tuple[Candidate, ...]):
    """The images to choose from, newest first."""


def parts(stack: Stack) -> list[Mapping[str, str]]:
    """The services of the stack's section, as parameters name them."""
    return by_name("service", stack.image.names) if stack.image else []


def document(host: Host, stack: Stack, service: str = "") -> State:
    """Ask the host and the registry for what runs and the images to choose from. `service` may be empty if the stack has only one
    service with an image from a registry."""
    section = stack.section(NAME)
    service = chosen("service", service, section.names)
    usual = replace(Compose(stack.compose_directory, ()), files=tuple(section.files))
    project, ledger = host.ask(docker.project(stack)), host.ask(releases.releases(stack.state))
    history = host.ask(git.log(stack.tree)) if stack.tree else None
    kept = host.ask(docker.images(stack.kept_repository(service)))
    said = _OfCompose.ask(host, usual, service)  # a guess that is nearly always right, and saves a round trip
    replicas = [one for one in project.result() if one.service == service]
    started = compose_call.way(stack, service, project.result(), ledger.result())
    if started is None:
        raise compose_call.unknown(stack, service)
    way = declared(stack, started)
    if replace(way, project=None) != usual:
        said = _OfCompose.ask(host, way, service)
    lines, defined = host.ask(docker.lines(docker.newest(replicas))), host.ask(compose.defined(started))
    environments = host.ask(docker.image_environments({one.image for one in replicas}))
    named = said.named.result()
    local, tags = host.ask(docker.images(named.name)), host.ask(registry.tags(named))
    log = result_of(history) or []
    mine = [one for one in ledger.result() if one.service == service]
    tagged = host.ask(registry.manifests(named, _wanted(tags.result(), log, mine)))
    return State(
        stack=stack, service=service, replicas=replicas, compose=way, declared=said.written.result()[service].image, named=named,
        sharing=_sharing(service, said.written.result()),
        variables=said.variables.result(), tags=tags.result(), tagged=tagged.result(), local=local.result(), kept=kept.result(),
        log=log, releases=mine, lines=lines.result(), defined=defined.result(), environments=environments.result(),
    )  # fmt: skip


@dataclass(frozen=True)
class _OfCompose:
    """The answers of compose when it is called in one particular way: the services as written in its files, the image of the service, and
    the file with its variables."""

    written: Answer[dict[str, compose.Written]]
    named: Answer[Reference]
    variables: Answer[files.File | None]

    @classmethod
    def ask(cls, host: Host, way: Compose, service: str) -> "_OfCompose":
        return cls(host.ask(compose.written(way)), host.ask(compose.image(way, service)), host.ask(files.file(way.variables)))


def _sharing(service: str, written: dict[str, compose.Written]) -> dict[str, str]:
    """The images of other services whose tag comes from the same variable, as the compose files write them."""
    variable = tag_variable(written[service].image)
    return {name: one.image for name, one in written.items() if variable and name != service and tag_variable(one.image) == variable}


def candidates(now: State) -> Candidates:
    """The images of the registry and of the host, one row for each tag, newest first."""
    here = _on_host(now)
    rows = {**here, **_in_registry(now, here)}
    oldest = datetime.min.replace(tzinfo=UTC)
    return Candidates(sorted(rows.values(), key=lambda row: (row.made or oldest, row.tag), reverse=True))


def _on_host(now: State) -> dict[str, Candidate]:
    """The service's images on the host, by tag: those of its repository, and those that runs kept."""
    commits = {commit.sha: commit for commit in now.log}
    verdicts = {release.image: release.verdict for release in now.releases}
    rows: dict[str, Candidate] = {}
    for image in (*now.local, *now.kept):
        named = image.tag != "<none>"
        if (not named and image.digest is None) or image.tag.startswith("before-"):
            continue
        tag = image.tag if named else now.commit_of(image.id) or str(image.digest)[7:19]
        if tag in rows and rows[tag].digest:
            continue  # the same image is in the list already, with its digest
        if image in now.kept and not SHA.fullmatch(tag) and any(row.image == image.id for row in rows.values()):
            continue  # the image is in the list already, under its own name
        rows[tag] = Candidate(
            tag=tag, commit=commits.get(now.commit_of(image.id) or tag), digest=image.digest, image=image.id, when=image.created,
            size=image.size, in_registry=False, verdict=verdicts.get(image.id, ""),
            running=now.container is not None and now.container.image == image.id,
        )  # fmt: skip
    return rows


def _in_registry(now: State, here: dict[str, Candidate]) -> dict[str, Candidate]:
    """The images in the registry, by tag, with what the host has of each."""
    commits = {commit.sha: commit for commit in now.log}
    verdicts = {release.commit: release.verdict for release in now.releases if release.commit}
    known = {row.digest: row for row in here.values() if row.digest} | {row.image: row for row in here.values()}
    rows = {}
    for tag, one in now.tagged.items():
        same = known.get(one.digest) or known.get(one.image)
        commit = commits.get(tag) or (same.commit if same else None)
        rows[tag] = Candidate(
            tag=tag, commit=commit, digest=one.digest, image=same.image if same else None, when=same.when if same else None,
            size=one.size if one.size is not None else same.size if same else None, in_registry=True,
            verdict=(same.verdict if same else "") or (verdicts.get(commit.sha, "") if commit else ""), running=bool(same and same.running),
        )  # fmt: skip
    return rows


def declared(stack: Stack, started: Compose) -> Compose:
    """How compose is called with the files in the stack's section. If the last start of the service used these files, it is called as at
    that start: with the same order and the same other files."""
    files = stack.section(NAME).files
    return started if set(files) <= set(started.files) else replace(started, files=tuple(files))


def _wanted(tags: "list[str] | registry.Unavailable", log: list[git.Commit], ledger: list[releases.Release]) -> list[str]:
    """The tags to look up: those of known commits, and some that name no commit."""
    if isinstance(tags, registry.Unavailable):
        return []
    known = dict.fromkeys([*(commit.sha for commit in log), *(release.commit for release in ledger if release.commit)])
    listed = [tag for tag in tags if tag not in known and TAG.fullmatch(tag)]
    return [sha for sha in known if sha in tags or len(tags) >= 1000] + sorted(listed, key=lambda tag: bool(SHA.fullmatch(tag)))[:OTHERS]
