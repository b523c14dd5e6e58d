"""The state of the env file: its versions, what compose reads from it, and the variables in the containers."""

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rollback_lib.commands import env_file
from rollback_lib.commands.compose import Compose
from rollback_lib.errors import Refused
from rollback_lib.facts import compose, docker, files
from rollback_lib.facts.host import Host
from rollback_lib.health.probe import Probe
from rollback_lib.procedures.common import drift, snapshots
from rollback_lib.procedures.common.chosen import chosen
from rollback_lib.procedures.env.parameters import NAME, kept
from rollback_lib.secrets.secret import Key, Secret
from rollback_lib.stack.model import Stack

_STOPPED = (0, 130, 137, 143)  # exit statuses of a container that somebody stopped; it is not started again


@dataclass(frozen=True)
class Held:
    """The file at `path`, and the variables that the services have. `replicas` are their containers. `images` holds the variables that
    each image sets, by image id. `meant` holds what compose would give each service, for each way in which compose is called. `key`
    makes the hashes by which values are compared."""

    stack: Stack
    path: str
    file: files.File | None
    replicas: dict[str, list[docker.Container]]
    images: dict[str, dict[str, Secret]]
    meant: "dict[Compose, dict[str, compose.Meant] | compose.Unreadable]"
    key: Key

    @property
    def containers(self) -> dict[str, docker.Container]:
        """The newest container of each service; it stands for all its replicas."""
        return {name: newest for name, mine in self.replicas.items() if (newest := docker.newest(mine))}

    @property
    def content(self) -> bytes:
        """The file's content; empty if there is no file."""
        return self.file.content.reveal() if self.file else b""

    @property
    def unreadable(self) -> str | None:
        """Where in its files compose finds an error now; None if it can read them."""
        return next((one.where for one in self.meant.values() if isinstance(one, compose.Unreadable)), None)

    def understood(self, service: str) -> compose.Meant | None:
        """The service as compose would start it now; None if that is not known."""
        found = self.meant[self.containers[service].compose]
        return None if isinstance(found, compose.Unreadable) else found.get(service)

    def expected(self, service: str, meant: compose.Meant) -> dict[str, Secret]:
        """All variables that a new container of the service would have."""
        return drift.expected(self.images.get(self.containers[service].image, {}), meant.environment)

    def held(self, service: str, meant: compose.Meant | None) -> list[dict[str, Secret]]:
        """The variables of each of the service's containers."""
        given = meant.environment if meant else {}
        return [drift.held(one, given, whole=one.image in self.images) for one in self.replicas.get(service, [])]

    def holds(self, service: str, meant: compose.Meant | None) -> bool | None:
        """Whether all containers of the service have exactly the variables in `meant`; None if that is not known."""
        if meant is None:
            return None
        wanted = self.expected(service, meant)
        return all(one == wanted for one in self.held(service, meant))


@dataclass(frozen=True)
class State(Held):
    """The file with its kept versions. `written` holds each service as the compose files define it, `defined` as compose would start it
    now; both for each way in which compose is called."""

    versions: list[snapshots.Version]
    written: dict[Compose, dict[str, compose.Written]]
    defined: dict[Compose, compose.Defined]
    lines: list[str]
    probes: tuple[Probe, ...] = ()

    @property
    def readers(self) -> list[str]:
        """The services with a container that read the file as an env file."""
        written = ((name, self.written[one.compose].get(name)) for name, one in self.containers.items())
        return [name for name, service in written if service and self.path in service.env_files]

    @property
    def filled(self) -> list[str]:
        """The services with a container in whose definition compose substitutes variables of the file."""
        return [name for name, one in self.containers.items() if one.compose.variables == self.path]

    def wanted(self, service: str) -> bool:
        """Whether the service's container should be running: it is, or it ended without being stopped."""
        container = self.containers[service]
        return container.state in ("running", "restarting") or (container.state == "exited" and container.exit not in _STOPPED)


@dataclass(frozen=True)
class Candidate:
    """A kept version, compared with the present file: the names of variables that are `changed`, `added` or `removed` in it. `current`:
    it equals the present file. `unclear` says why it cannot be compared, "" if it can."""

    version: snapshots.Version
    current: bool
    unclear: str
    changed: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]


class Candidates(tuple[Candidate, ...]):
    """The kept versions of the file with different content, newest first."""


def document(host: Host, stack: Stack, file: str = "") -> State:
    """Ask the host for a file, its versions, and the services that read it. `file` may be empty if the stack has only one env file."""
    path = chosen("file", file, stack.section(NAME).paths)
    folder, name = posixpath.split(path)
    there, beside = host.ask(files.env_file(path)), host.ask(files.env_files(folder, name))
    earlier, project = host.ask(snapshots.versions(stack, kept(stack, path), files.env_files)), host.ask(docker.project(stack))
    found = there.result()
    if found and not found.regular:
        raise Refused(f"{path} is a {found.kind}, not a file; fix it on the host")
    replicas = docker.by_service(project.result())
    versions = sorted([*earlier.result(), *_beside(path, beside.result())], key=lambda one: one.when, reverse=True)
    written = {way: host.ask(compose.written(way)) for way in _ways(replicas)}
    defined = {way: host.ask(compose.defined(way)) for way in _ways(replicas)}
    lines = host.ask(docker.lines(docker.newest(replicas.get(stack.main, ()))))
    held = _held(host, stack, path, found, replicas)
    return State(
        **vars(held), versions=versions, lines=lines.result(),
        written={way: one.result() for way, one in written.items()},
        defined={way: one.result() for way, one in defined.items()},
    )  # fmt: skip


def look(host: Host, stack: Stack, path: str) -> Held:
    """Ask the host for the file, and the variables that the services have."""
    file, project = host.ask(files.env_file(path)), host.ask(docker.project(stack))
    return _held(host, stack, path, file.result(), docker.by_service(project.result()))


def _held(
    host: Host, stack: Stack, path: str, file: files.File | None, replicas: dict[str, list[docker.Container]]
) -> Held:  # fmt: skip
    """Ask the host for the variables that the services have."""
    meant = {way: host.ask(compose.meant(way)) for way in _ways(replicas)}
    images = host.ask(docker.image_environments({one.image for mine in replicas.values() for one in mine}))
    return Held(stack, path, file, replicas, images.result(), {way: one.result() for way, one in meant.items()}, host.key)


def _ways(replicas: Mapping[str, list[docker.Container]]) -> list[Compose]:
    return list(dict.fromkeys(one.compose for mine in replicas.values() if (one := docker.newest(mine))))


def candidates(now: State) -> Candidates:
    """The kept versions, each with the names of the variables that differ from the present file."""
    current = lines_of(now.content)
    rows = []
    for version in _different(now.versions):
        content = version.file.content.reveal()
        other = lines_of(content)
        changed = tuple(key for key in other if key in current and other[key] != current[key])
        added, removed = tuple(key for key in other if key not in current), tuple(key for key in current if key not in other)
        there = now.file is not None and version.file.content == now.file.content
        rows.append(Candidate(version, there, _unclear(content), changed, added, removed))
    return Candidates(rows)


def _unclear(content: bytes) -> str:
    try:
        env_file.assignments(content)
    except Refused as error:
        return str(error)
    return ""


def lines_of(content: bytes) -> dict[str, Secret]:
    """The variables of a file, each with the lines of its last assignment; none if the file cannot be understood."""
    try:
        found = env_file.assignments(content)
    except Refused:
        return {}
    rows = env_file.lines(content)
    return {one.key: Secret(b"".join(rows[one.first - 1 : one.last]).strip()) for one in found}


def _beside(path: str, found: list[files.File]) -> list[snapshots.Version]:
    """Copies that people made beside the file, under its name with a suffix."""
    return [snapshots.Version(posixpath.basename(one.path), one.changed, "", "beside the file", one) for one in found if one.path != path]


def _different(versions: Iterable[snapshots.Version]) -> list[snapshots.Version]:
    """One version for each content, newest first. A version whose verdict is known is preferred to a copy beside the file."""
    found: dict[Secret, snapshots.Version] = {}
    for version in sorted(versions, key=lambda one: not one.verdict):
        found.setdefault(version.file.content, version)
    return sorted(found.values(), key=lambda one: one.when, reverse=True)
