"""The state of the proxy: the configuration that it runs with, and the versions of its file."""

import posixpath
from dataclasses import dataclass, replace
from datetime import datetime

from rollback_lib.commands.command import Command
from rollback_lib.facts import caddy, docker, files, git
from rollback_lib.facts.host import Host, result_of
from rollback_lib.health.probe import Probe
from rollback_lib.procedures.caddyfile import by_route
from rollback_lib.procedures.common import snapshots
from rollback_lib.stack.model import Stack

NAME = "caddyfile"
SHOWN = 10  # how many different versions are read


@dataclass(frozen=True)
class Tracked:
    """A Caddyfile in a git work tree: the tree, and the path of the file in it."""

    tree: str
    path: str

    def show(self, blob: str) -> Command:
        """The command that prints a version of the file."""
        return git.show_file(self.tree, blob, self.path)


@dataclass(frozen=True)
class Version:
    """A version of the file. `name` is that of a commit or of a kept version. `said` describes it; `verdict` says whether it was healthy
    here, "" if that is not known. The command `show` prints its content on the host."""

    name: str
    when: datetime
    said: str
    verdict: str
    content: bytes
    show: Command

    @property
    def hash(self) -> str:
        return files.short_hash(self.content)


@dataclass(frozen=True)
class State:
    """The state of the proxy. `file` is the file on the host, `inside` the file as the container sees it at `path_inside`. `live` is the
    configuration that Caddy has loaded, `of_file` the one that it would load from the file, or its error message. Each is None if it is
    not known. `committed` is the hash that the file has in the commit of the tree, `coming` in the one that the tree goes to if it does.
    `replaced`: git will replace the file before a rollback writes to it, and the container goes on seeing the old one."""

    stack: Stack
    container: docker.Container | None
    file: files.File | None
    path_inside: str | None
    inside: caddy.Inside | None
    live: caddy.Configuration | None
    of_file: caddy.Configuration | str | None
    committed: str | None
    versions: list[Version]
    lines: list[str]
    coming: str | None = None
    replaced: bool = False
    probes: tuple[Probe, ...] = ()

    @property
    def current(self) -> bytes:
        """The content of the file on the host; empty if there is no file."""
        return self.file.content.reveal() if self.file else b""

    @property
    def running(self) -> bool:
        """Whether Caddy is up. The state of the container is not enough: while a bad Caddyfile stops it again and again, it is "running" at
        some moments."""
        return self.live is not None or (self.container is not None and self.container.state == "running" and not self.container.restarts)

    @property
    def loaded(self) -> bool | None:
        """Whether Caddy has loaded what the file says; None if either is not known."""
        if self.live is None or not isinstance(self.of_file, caddy.Configuration):
            return None
        return self.live.hash == self.of_file.hash


@dataclass(frozen=True)
class Candidate:
    """A version to go back to. `current`: the file on the host is this version. `changes` is the diff from that file to this version."""

    version: Version
    current: bool
    changes: str


class Candidates(tuple[Candidate, ...]):
    """The last different versions, newest first."""


def document(host: Host, stack: Stack) -> State:
    """Ask the host for the file, its versions, and what Caddy has loaded."""
    section, of_git = stack.section(NAME), tracked(stack)
    replicas, file, kept = (
        host.ask(docker.replicas(stack, section.service)),
        host.ask(files.file(section.file)),
        host.ask(snapshots.versions(stack, NAME)),
    )
    committed = host.ask(git.file_at(of_git.tree, of_git.path)) if of_git else None
    history = host.ask(git.file_history(of_git.tree, of_git.path)) if of_git else None
    container = docker.newest(replicas.result())
    path = path_inside(container, section.file)
    commits = result_of(history) or []
    blobs = list(dict.fromkeys(version.blob for version in commits if version.blob and version.regular))[:SHOWN]
    contents = host.ask(git.blobs(of_git.tree, blobs, of_git.path)) if of_git else None
    lines = host.ask(docker.lines(container))
    inside, of_file, live = None, None, None
    if container and path and container.state == "running":
        inside, of_file, live = _seen(host, container, path, section.file)
    return State(
        stack=stack, container=container, file=file.result(), path_inside=path, inside=inside, live=live, of_file=of_file,
        committed=result_of(committed), lines=lines.result(),
        versions=_versions(_committed(of_git, commits, result_of(contents) or {}), kept.result()),
    )  # fmt: skip


def _seen(
    host: Host, container: docker.Container, path: str, file: str,
) -> tuple[caddy.Inside | None, caddy.Configuration | str, caddy.Configuration | None]:  # fmt: skip
    """The file as the container sees it, the configuration that Caddy would load from the file on the host, and the one that it has
    loaded."""
    inside, loaded = host.ask(caddy.inside(container, path, file)), host.ask(caddy.live(container))
    of_file = host.ask(caddy.adapted(Command.of("cat", file), caddy_in(container, path, up=True))).result()
    live = loaded.result()
    if live is None and isinstance(of_file, caddy.Configuration) and of_file.admin not in (None, caddy.ADMIN):
        live = host.ask(caddy.live(container, of_file.admin)).result()
    return inside.result(), of_file, live


def candidates(now: State) -> Candidates:
    """The last different versions of the file, newest first."""

    def changes(version: Version) -> str:
        return "" if version.content == now.current else difference(now.current, version.content, version.name)

    return Candidates(Candidate(version, version.content == now.current, changes(version)) for version in now.versions)


def tracked(stack: Stack) -> Tracked | None:
    """Where the file is in the tree; None if it is in no tree."""
    path = stack.in_tree(stack.section(NAME).file)
    return Tracked(stack.work_tree, path) if path else None


def path_inside(container: docker.Container | None, file: str) -> str | None:
    """The path of the file in the container, which mounts the file itself or a folder above it; None if it mounts neither."""
    for mount in container.mounts if container else ():
        if (file + "/").startswith(mount.source + "/"):
            return mount.destination + file.removeprefix(mount.source)
    return None


def caddy_in(container: docker.Container, path: str, *, up: bool) -> Command:
    """How to run the `caddy` command where the file will be loaded: in its container if that is `up`, or else in a new container like
    it."""
    folder = posixpath.dirname(path)
    if up:
        return Command.of("docker", "exec", "-i", "-w", folder, container.name, "caddy")
    options = ("run", "--rm", "--no-deps", "-T", "--workdir", folder, "--entrypoint", "caddy")
    return container.compose.command(*options, container.service)


def difference(old: bytes, new: bytes, name: str) -> str:
    before, after = (content.decode(errors="replace").splitlines() for content in (old, new))
    return "\n".join(by_route.difference(before, after, "on the host now", name))


def _committed(of_git: Tracked | None, history: list[git.FileVersion], contents: dict[str, bytes]) -> list[Version]:
    """The versions in git."""
    known = [(one, contents.get(one.blob or "")) for one in history]
    return [
        Version(
            one.commit.short, one.commit.when, f"{one.commit.subject} ({one.commit.author})", "", content, of_git.show(one.blob)
        )
        for one, content in known if of_git and one.blob and content is not None
    ]  # fmt: skip


def _versions(committed: list[Version], kept: list[snapshots.Version]) -> list[Version]:
    """The different contents of the file, each with the newest commit that brought it and what earlier runs know about it."""
    verdicts = {one.file.content.reveal(): one.verdict for one in reversed(kept)}
    found: dict[bytes, Version] = {}
    for one in committed:
        found.setdefault(one.content, replace(one, verdict=verdicts.get(one.content, "")))
    for old in kept:
        content = old.file.content.reveal()
        found.setdefault(content, Version(old.name, old.when, old.where, old.verdict, content, Command.of("cat", old.file.path)))
    return sorted(found.values(), key=lambda version: version.when, reverse=True)
