"""What Docker on the host says of services, their containers and images."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.commands.compose import Compose
from rollback_lib.errors import Refused
from rollback_lib.facts import disk, secret_values
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.listed import WHOLE, gone, inspected, objects
from rollback_lib.secrets.redactor import clean
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.model import Stack

NEEDED = "docker with compose v2 is needed on the host and does not answer; install or start it there"


@dataclass(frozen=True)
class Mount:
    """A path of the host, or a volume, that a container sees at `destination`."""

    source: str
    destination: str


@dataclass(frozen=True)
class Container:
    """A service's container, the replica of that `number`. `image` is the id (sha256:…), `image_name` what it was started by;
    `compose` is how it was started, by `compose_version`; `environment` are the variables it has; `exit` is the status it ended
    with, if it did; `health` is what its own check says, if it has one; `command` is what it was told to run, its image's own
    words if nothing else; `published` are ports as HOST:PORT→PORT/PROTOCOL."""

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


@dataclass(frozen=True)
class Image:
    """An image on the host by one of its names. `digest` is the registry's name for it (sha256:…), if it came from one."""

    name: str
    tag: str
    id: str
    digest: str | None = None
    created: datetime | None = None
    size: str = ""


_STORED = r"""
for name; do
    if said=$(docker image inspect --format "$name {{.Id}} {{.Size}} {{len .RepoDigests}}" "$name" 2>&1); then printf '%s\n' "$said"
    else case $said in *[Nn]"o such"*) ;; *) printf '%s\n' "$said" >&2; exit 1 ;; esac; fi
done
"""

PROCESSORS = Fact((Command.of("nproc"),), int, otherwise=lambda _: 1)


def replicas(stack: Stack, service: str) -> Fact[list[Container]]:
    """The containers of a service of the stack, by their numbers."""
    return _inspected(_listing(stack, service))


def project(stack: Stack) -> Fact[list[Container]]:
    """All containers of the stack, by service and number."""
    return _inspected(_listing(stack))


def together_with(one: Container) -> Fact[list[Container]]:
    """All containers of the service of that one, itself too, by their numbers."""
    return _inspected(_filtered(one.compose.directory, one.compose.project, one.service))


def by_service(containers: Iterable[Container]) -> dict[str, list[Container]]:
    """Containers by their service."""
    found: dict[str, list[Container]] = {}
    for one in containers:
        found.setdefault(one.service, []).append(one)
    return found


def newest(containers: Iterable[Container]) -> Container | None:
    """The container that speaks for its service: a recreate that was cut short may leave an older one beside it."""
    return max(containers, key=lambda one: one.created, default=None)


def count(containers: Iterable[Container]) -> int:
    """How many replicas they are: the older one that a recreate may leave has the number of the newer."""
    return len({one.number for one in containers})


def concerned(stack: Stack, names: Iterable[str]) -> Fact[list[Container]]:
    """All containers of the stack, and those of these names that there are; none where Docker does not answer."""
    inspect = f'docker container inspect --format "$0" $({_listing(stack).shell()}) "$@" 2>/dev/null || :'
    return Fact((Command.of("sh", "-c", inspect, WHOLE, *names),), _containers, otherwise=lambda _: [], deadline=5.0, hides=_secrets)


def named(name: str) -> Fact[Container | None]:
    """The container of that name; None when there is none."""
    inspect = Command.of("docker", "container", "inspect", "--format", WHOLE, name)
    return Fact((inspect,), lambda out: _containers(out)[0], otherwise=_absent, hides=lambda found: _secrets([found]))


def image_environments(ids: "set[str]") -> Fact[dict[str, dict[str, Secret]]]:
    """The variables that images set by themselves, by image id."""
    inspect = Command.of("docker", "image", "inspect", *sorted(ids))

    def read(out: str) -> dict[str, dict[str, Secret]]:
        return {one["Id"]: _environment(one["Config"]) for one in json.loads(out)}

    return Fact((inspect,) if ids else (), read if ids else lambda _: {}, missing="docker could not be asked for the images")


@dataclass(frozen=True)
class Stored:
    """An image on the host: its id, bytes, and whether a registry knows it."""

    id: str
    size: int
    pulled: bool


def stored(names: "set[str]") -> Fact[dict[str, Stored]]:
    """The images on the host by these names; those that are not there are left out."""

    def read(out: str) -> dict[str, Stored]:
        rows = (line.split(" ") for line in out.splitlines())
        return {name: Stored(image, int(size), digests != "0") for name, image, size, digests in rows}

    return Fact((Command.of("sh", "-euc", _STORED, "sh", *sorted(names)),), read, missing=NEEDED)


def free_space() -> Fact[int | None]:
    """Bytes free where Docker keeps images; None when that cannot be known."""
    command = Command.of("sh", "-c", "df -P -k \"$(docker info --format '{{.DockerRootDir}}')\"")
    return disk.free(command)


def image_id(reference: str) -> Fact[str | None]:
    """The id of the image that `reference` names on the host; None when there is none."""
    inspect = Command.of("docker", "image", "inspect", "--format={{.Id}}", reference)
    return Fact((inspect,), str.strip, otherwise=_absent)


def image_time(image: str) -> Fact[datetime | None]:
    """When an image came to be on the host, by its id: pulled, built or tagged; None when that is not known."""
    inspect = Command.of("docker", "image", "inspect", "--format={{json .Metadata.LastTagTime}} {{json .Created}}", image)

    def read(out: str) -> datetime | None:
        times = [_time(json.loads(word)) for word in out.split()]
        return next((one for one in times if one.year > 1), None)

    return Fact((inspect,), read, otherwise=lambda _: None)


def images(repository: str) -> Fact[list[Image]]:
    """The images under the name `repository`, by tag."""

    def read(out: str) -> list[Image]:
        return [_image(json.loads(line)) for line in out.splitlines()]

    return Fact((Command.of("docker", "image", "ls", "--no-trunc", "--digests", "--format={{json .}}", repository),), read)


def service_lines(stack: Stack, service: str, lines: int = 8) -> Fact[list[str]]:
    """The last lines the service's newest container wrote, both streams."""
    newest = _listing(stack, service).pipe("head", "-n", "1").shell()
    both = Command.of("sh", "-c", f'id=$({newest}); [ -z "$id" ] || docker logs --tail "$1" "$id" 2>&1', "sh", str(lines))
    return Fact((both,), str.splitlines, otherwise=lambda _: [], long=True, spoken=_spoken)


def lines(container: Container | None, number: int = 8) -> Fact[list[str]]:
    """The last lines a container wrote, both streams."""
    logs = Command.of("sh", "-c", 'docker logs --tail "$1" "$2" 2>&1', "sh", str(number), container.id if container else "")
    return Fact((logs,) if container else (), str.splitlines, otherwise=lambda _: [], long=True, spoken=_spoken)


def whole_log(name: str, number: int) -> Fact[list[str]]:
    """The last lines of the container of that name, both streams, each with its time."""
    logs = Command.of("sh", "-c", 'docker logs --timestamps --tail "$1" "$2" 2>&1', "sh", str(number), name)
    return Fact((logs,), str.splitlines, otherwise=lambda _: [], long=True, spoken=_spoken)


def _spoken(lines: list[str], hide: Callable[[str], str]) -> list[str]:
    """Hidden as one text, since a value may be of several lines."""
    return hide("\n".join(lines)).split("\n") if lines else []


def _secrets(containers: "Iterable[Container | None]") -> Iterator[str]:
    """What the containers' environments hold in secret; by which names they call each other is none."""
    there = [one for one in containers if one]
    names = {name for one in there for name in (one.name, one.service)}
    for one in there:
        yield from secret_values.in_environment(one.environment, names)


def _inspected(listing: Command) -> Fact[list[Container]]:
    return Fact((inspected("container", listing),), _sorted, missing=NEEDED, hides=_secrets)


def _absent(said: str) -> None:
    """There is none, by Docker's own word; anything else that it said is no answer."""
    lines = said.splitlines()
    if not gone(lines):
        raise Refused(f"{NEEDED} ({clean(lines[-1]) if lines else 'it said nothing'})")


def _sorted(out: str) -> list[Container]:
    """A container that is removed as soon as it ends is none of a service."""
    lasting = (container_of(one) for one in objects(out) if not (one.get("HostConfig") or {}).get("AutoRemove"))
    return sorted(lasting, key=lambda one: (one.service, one.number, one.created))


def _listing(stack: Stack, service: str = "") -> Command:
    return _filtered(stack.compose_directory, stack.compose.project if stack.compose else None, service)


def _filtered(directory: str, project: str | None, service: str) -> Command:
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
    )


def _published(bindings: dict[str, Any]) -> frozenset[str]:
    """As they were asked for. A host port of 0 or none is one that Docker chooses."""
    return frozenset(
        f"{one.get('HostIp') or '*'}:{one.get('HostPort') or '0'}→{port}" for port, places in bindings.items() for one in places or ()
    )


def _mounted(raw: dict[str, Any], kind: str, source: str) -> tuple[Mount, ...]:
    """In an order of their own: Docker names them in another one each time, and the same plan has to be the same text."""
    mounts = (Mount(one[source], one["Destination"]) for one in raw["Mounts"] if one["Type"] == kind)
    return tuple(sorted(mounts, key=lambda one: one.destination))


def _environment(config: dict[str, Any]) -> dict[str, Secret]:
    pairs = (line.partition("=") for line in config.get("Env") or ())
    return {key: Secret(value) for key, _, value in pairs}


def _image(raw: dict[str, str]) -> Image:
    digest = raw["Digest"] if raw.get("Digest", "").startswith("sha256:") else None
    # "2026-11-22 20:15:35 +0000 UTC", as the docker command line writes it.
    created = datetime.strptime(raw["CreatedAt"][:25], "%Y-%m-%d %H:%M:%S %z") if raw.get("CreatedAt") else None
    return Image(raw["Repository"], raw["Tag"], raw["ID"], digest, created, raw.get("Size", ""))


def _time(text: str) -> datetime:
    """RFC 3339 with nanoseconds, as Docker writes it."""
    return datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
