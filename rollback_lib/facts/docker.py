"""The containers and images of services, as Docker on the host reports them."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.commands.compose import Compose
from rollback_lib.commands.image import HUB, Reference
from rollback_lib.errors import Refused
from rollback_lib.facts import secret_values
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.listed import WHOLE, gone, inspected, objects
from rollback_lib.secrets.redactor import clean
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.model import Stack

NEEDED = "docker with compose v2 is needed on the host and does not answer; install or start it there"

ANONYMOUS = re.compile("[0-9a-f]{64}")  # how Docker names a volume that nobody gave a name


@dataclass(frozen=True)
class Mount:
    """A path of the host, or a volume, that is mounted in a container at `destination`."""

    source: str
    destination: str


@dataclass(frozen=True)
class Container:
    """A container of a service: the replica with that `number`. From `docker container inspect`.

    `image` is the id (sha256:…) and `image_name` the name from which it was started. `compose` is how compose was called to start it,
    in version `compose_version`. `exit` is its exit status, 0 while it runs. `revision` is the commit in the image's label, 40 hex
    digits. `environment` are its variables. `health` is the state of its health check, "" if it has none. `command` is what it runs,
    its image's own command if nothing else was given. `published` are its ports as HOST:PORT→PORT/PROTOCOL. `pid` is the id of its first
    process on the host, 0 if it does not run. `completes` is whether another service waits until this one has completed. `kept_up` is
    whether Docker starts it again whenever it ends.
    """

    id: str
    name: str
    service: str
    image: str
    image_name: str
    created: datetime
    started: datetime
    state: str
    exit: int
    restarts: int
    compose: Compose
    compose_version: str
    revision: str | None
    mounts: tuple[Mount, ...]
    environment: dict[str, Secret]
    volumes: tuple[Mount, ...] = ()
    health: str = ""
    number: int = 1
    command: tuple[str, ...] = ()
    published: frozenset[str] = frozenset()
    pid: int = 0
    completes: bool = False
    kept_up: bool = False

    @property
    def anonymous(self) -> tuple[Mount, ...]:
        """Its anonymous volumes: Docker has named them, by 64 hex digits. Each belongs to this container only."""
        return tuple(one for one in self.volumes if ANONYMOUS.fullmatch(one.source))

    @property
    def completed(self) -> bool:
        """Whether it did its work and ended by itself. One that Docker keeps up was stopped."""
        return self.state == "exited" and self.exit == 0 and not self.kept_up


@dataclass(frozen=True)
class Image:
    """An image on the host, under one of its names. `digest` is its digest (sha256:…) in the registry; None if it did not come from one.
    `size` is as Docker shows it, such as `120MB`."""

    name: str
    tag: str
    id: str
    digest: str | None = None
    created: datetime | None = None
    size: str = ""


LINES = 100  # how many last lines of a log are asked for, so that two who want more or fewer of them ask the same

# One call for all, unless one of them is not there.
_STORED = r"""
[ $# -gt 0 ] || exit 0
if said=$(docker image inspect --format '{{.Id}} {{.Size}} {{json .RepoDigests}}' "$@" 2>/dev/null); then
    printf '%s\n' "$said" | for name; do read -r line; printf '%s %s\n' "$name" "$line"; done
    exit 0
fi
for name; do
    if said=$(docker image inspect --format "$name {{.Id}} {{.Size}} {{json .RepoDigests}}" "$name" 2>&1); then printf '%s\n' "$said"
    else case $said in *[Nn]"o such"*) ;; *) printf '%s\n' "$said" >&2; exit 1 ;; esac; fi
done
"""

PROCESSORS = Fact((Command.of("nproc"),), int, otherwise=lambda _: 1)


def memory(container: str) -> Fact[int]:
    """How many bytes of memory a container may use: its limit, else that of the host; 0 if that is not known."""
    limit = Command.of("docker", "container", "inspect", "--format", "{{.HostConfig.Memory}}", container)
    total = Command.of("sed", "-n", "s/^MemTotal: *\\([0-9]*\\) kB$/\\1/p", "/proc/meminfo")

    def read(out: str) -> int:
        most, kilobytes = map(int, out.split())
        return min(most or kilobytes * 1024, kilobytes * 1024)

    return Fact((limit, total), read, otherwise=lambda _: 0)


def project(stack: Stack) -> Fact[list[Container]]:
    """All containers of the stack, sorted by service and replica number."""
    return _inspected(listing(stack))


def replicas(stack: Stack, service: str) -> Fact[list[Container]]:
    """The containers of a service of the stack, sorted by replica number. It asks the same as `project`."""
    return replace(project(stack), read=lambda out: [one for one in _sorted(out) if one.service == service])


def together_with(container: Container) -> Fact[list[Container]]:
    """All containers of the service that `container` belongs to, including itself, sorted by replica number."""
    return _inspected(_filtered(container.compose.directory, container.compose.project, container.service))


def by_service(containers: Iterable[Container]) -> dict[str, list[Container]]:
    """Group containers by their service."""
    found: dict[str, list[Container]] = {}
    for container in containers:
        found.setdefault(container.service, []).append(container)
    return found


def newest(containers: Iterable[Container]) -> Container | None:
    """The container that was created last; None if there is none. A recreate that was cut short may leave an older one beside it."""
    return max(containers, key=lambda container: container.created, default=None)


def count(containers: Iterable[Container]) -> int:
    """How many replicas the containers are. An older container that a recreate left behind has the same number as its successor, and is
    not counted."""
    return len({container.number for container in containers})


def concerned(stack: Stack, names: Iterable[str]) -> Fact[list[Container]]:
    """All containers of the stack, and those with one of these names; empty if Docker does not answer."""
    inspect = f'docker container inspect --format "$0" $({listing(stack).shell()}) "$@" 2>/dev/null || :'
    return Fact((Command.of("sh", "-c", inspect, WHOLE, *names),), _containers, otherwise=lambda _: [], deadline=5.0, hides=_secrets)


def answers() -> Fact[str]:
    """Which version of Docker answers us. Refused if none does, or if we may not use it."""
    return Fact((Command.of("docker", "version", "--format", "{{.Server.Version}}"),), str.strip, missing=NEEDED)


def named(name: str) -> Fact[Container | None]:
    """The container of that name; None if there is none."""
    inspect = Command.of("docker", "container", "inspect", "--format", WHOLE, name)
    return Fact((inspect,), lambda out: _containers(out)[0], otherwise=_absent, hides=lambda found: _secrets([found]))


def image_environments(ids: "set[str]") -> Fact[dict[str, dict[str, Secret]]]:
    """The environment variables that images set, by image id. Where Docker keeps its images in containerd, it may know nothing of an image
    but its id, if all its layers were there when it was pulled: such an image is left out."""

    def read(out: str) -> dict[str, dict[str, Secret]]:
        return {image["Id"]: _environment(image["Config"]) for image in json.loads(out) if image["RootFS"].get("Type")}

    return Fact((_images(ids),) if ids else (), read if ids else lambda _: {}, missing="docker could not be asked for the images")


@dataclass(frozen=True)
class Stored:
    """An image on the host: its id, its size in bytes, and whether it came from a registry or was pushed to one."""

    id: str
    size: int
    pulled: bool


def stored(names: "set[str]") -> Fact[dict[str, Stored]]:
    """The images on the host with these names, by name. Names that no image has are left out."""

    def read(out: str) -> dict[str, Stored]:
        rows = (line.split(" ", 3) for line in out.splitlines())
        return {name: Stored(image, int(size), _pulled(image, json.loads(digests) or ())) for name, image, size, digests in rows}

    return Fact((Command.of("sh", "-euc", _STORED, "sh", *sorted(names)),), read, missing=NEEDED)


def _pulled(image: str, digests: Iterable[str]) -> bool:
    """Whether an image came from a registry or was pushed to one. Else it has no digest; but if Docker keeps its images in containerd,
    every image has one for each of its names, which is its id. There a name that begins with a registry has to tell."""
    found = map(Reference.parse, digests)
    return any(one.digest != image or one.registry != HUB for one in found)


def image_id(reference: str) -> Fact[str | None]:
    """The id of the image that `reference` names on the host; None if there is none."""
    inspect = Command.of("docker", "image", "inspect", "--format={{.Id}}", reference)
    return Fact((inspect,), str.strip, otherwise=_absent)


def image_time(image: str) -> Fact[datetime | None]:
    """When the image with this id was last pulled, built or tagged on the host; None if that is not known. It asks the same as
    `image_environments`."""

    def read(out: str) -> datetime | None:
        (found,) = json.loads(out)
        times = [_time(text) for text in ((found.get("Metadata") or {}).get("LastTagTime"), found.get("Created")) if text]
        return next((time for time in times if time.year > 1), None)

    return Fact((_images({image}),), read, otherwise=lambda _: None)


def images(repository: str) -> Fact[list[Image]]:
    """The images on the host with the name `repository`, one for each tag."""

    def read(out: str) -> list[Image]:
        return [_image(json.loads(line)) for line in out.splitlines()]

    return Fact((Command.of("docker", "image", "ls", "--no-trunc", "--digests", "--format={{json .}}", repository),), read)


def lines(container: Container | None, number: int = 8) -> Fact[list[str]]:
    """The last lines in a container's log, both streams, at most LINES."""
    logs = Command.of("sh", "-c", 'docker logs --tail "$1" "$2" 2>&1', "sh", str(LINES), container.id if container else "")
    last = partial(_last, number)
    return Fact((logs,) if container else (), str.splitlines, otherwise=lambda _: [], long=True, spoken=last)


def whole_log(name: str, number: int) -> Fact[list[str]]:
    """The last lines in the log of the container of that name, both streams, each with its time."""
    logs = Command.of("sh", "-c", 'docker logs --timestamps --tail "$1" "$2" 2>&1', "sh", str(number), name)
    return Fact((logs,), str.splitlines, otherwise=lambda _: [], long=True, spoken=_spoken)


def _spoken(lines: list[str], hide: Callable[[str], str]) -> list[str]:
    """Hide secrets in all lines as one text, since a secret may span several lines."""
    return hide("\n".join(lines)).split("\n") if lines else []


def _last(number: int, lines: list[str], hide: Callable[[str], str]) -> list[str]:
    return _spoken(lines, hide)[-number:]


def _images(ids: "set[str]") -> Command:
    return Command.of("docker", "image", "inspect", *sorted(ids))


def _secrets(containers: "Iterable[Container | None]") -> Iterator[str]:
    """The secrets in the environments of the containers. The names by which they call each other are not secret."""
    existing = [container for container in containers if container]
    names = {name for container in existing for name in (container.name, container.service)}
    for container in existing:
        yield from secret_values.in_environment(container.environment, names)


def _inspected(listing: Command) -> Fact[list[Container]]:
    return Fact((inspected("container", listing),), _sorted, missing=NEEDED, hides=_secrets)


def _absent(message: str) -> None:
    """Return if Docker says that there is no such thing. Raises Refused for any other error message."""
    lines = message.splitlines()
    if not gone(lines):
        raise Refused(f"{NEEDED} ({clean(lines[-1]) if lines else 'it said nothing'})")


def _sorted(out: str) -> list[Container]:
    """A container that is removed as soon as it ends is none of a service."""
    raw = [one for one in objects(out) if not (one.get("HostConfig") or {}).get("AutoRemove")]
    awaited = {name for one in raw for name in _awaited(one)}
    found = (replace(one, completes=one.service in awaited) for one in map(container_of, raw))
    return sorted(found, key=lambda one: (one.service, one.number, one.created))


def _awaited(raw: dict[str, Any]) -> Iterator[str]:
    """The services that have to complete before this container starts. Compose notes them in a label: SERVICE:CONDITION:RESTART,…"""
    for one in str((raw["Config"]["Labels"] or {}).get("com.docker.compose.depends_on", "")).split(","):
        name, _, rest = one.partition(":")
        if rest.startswith("service_completed_successfully"):
            yield name


def listing(stack: Stack) -> Command:
    """The command that prints the ids of the containers of the stack."""
    return _filtered(stack.compose_directory, stack.compose.project if stack.compose else None)


def _filtered(directory: str, project: str | None, service: str = "") -> Command:
    labels = {"project.working_dir": directory, "oneoff": "False", "project": project, "service": service}
    filters = [f"--filter=label=com.docker.compose.{key}={value}" for key, value in labels.items() if value]
    return Command.of("docker", "ps", "--all", "--quiet", "--no-trunc", *filters)


def _containers(out: str) -> list[Container]:
    return [container_of(one) for one in objects(out)]


def container_of(raw: dict[str, Any]) -> Container:
    """A container, of what `docker container inspect` has of it."""
    labels = raw["Config"]["Labels"] or {}

    def label(name: str) -> str:
        return str(labels.get(f"com.docker.compose.{name}", ""))

    def paths(name: str) -> tuple[str, ...]:
        return tuple(filter(None, label(name).split(",")))

    revision = str(labels.get("org.opencontainers.image.revision", ""))
    return Container(
        id=raw["Id"],
        name=raw["Name"].lstrip("/"),
        service=label("service"),
        image=raw["Image"],
        image_name=raw["Config"]["Image"],
        created=_time(raw["Created"]),
        started=_time(raw["State"]["StartedAt"]),
        state=raw["State"]["Status"],
        exit=raw["State"]["ExitCode"],
        restarts=raw["RestartCount"],
        compose=Compose(label("project.working_dir"), paths("project.config_files"), label("project"), paths("project.environment_file")),
        compose_version=label("version"),
        revision=revision if len(revision) == 40 else None,
        mounts=_mounted(raw, "bind", "Source"),
        environment=_environment(raw["Config"]),
        volumes=_mounted(raw, "volume", "Name"),
        health=raw["State"].get("Health", {}).get("Status", ""),
        number=int(label("container-number") or 1),
        command=tuple(raw["Config"].get("Cmd") or ()),
        published=_published(raw.get("HostConfig", {}).get("PortBindings") or {}),
        pid=raw["State"].get("Pid") or 0,
        kept_up=(raw.get("HostConfig", {}).get("RestartPolicy") or {}).get("Name") in ("always", "unless-stopped"),
    )


def _published(bindings: dict[str, Any]) -> frozenset[str]:
    """The ports as they were asked for. A host port of 0, or none, means that Docker chooses the port."""
    return frozenset(
        f"{host.get('HostIp') or '*'}:{host.get('HostPort') or '0'}→{port}" for port, hosts in bindings.items() for host in hosts or ()
    )


def _mounted(raw: dict[str, Any], kind: str, source: str) -> tuple[Mount, ...]:
    """The mounts of one kind. They are sorted, since Docker's order varies and the same plan has to be the same text."""
    mounts = (Mount(mount[source], mount["Destination"]) for mount in raw["Mounts"] if mount["Type"] == kind)
    return tuple(sorted(mounts, key=lambda mount: mount.destination))


def _environment(config: dict[str, Any]) -> dict[str, Secret]:
    pairs = (line.partition("=") for line in config.get("Env") or ())
    return {key: Secret(value) for key, _, value in pairs}


def _image(raw: dict[str, str]) -> Image:
    digest = raw["Digest"] if raw.get("Digest", "").startswith("sha256:") else None
    # The docker command line writes it as "2026-11-22 20:15:35 +0000 UTC".
    created = datetime.strptime(raw["CreatedAt"][:25], "%Y-%m-%d %H:%M:%S %z") if raw.get("CreatedAt") else None
    return Image(raw["Repository"], raw["Tag"], raw["ID"], digest, created, raw.get("Size", ""))


def _time(text: str) -> datetime:
    """Read a time in RFC 3339 with nanoseconds, as Docker writes it."""
    return datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
