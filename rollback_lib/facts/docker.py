"""What Docker and Compose on the host say of a service, its container and the images kept of it."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rollback_lib.command import Command
from rollback_lib.facts.fact import Fact


@dataclass(frozen=True)
class Container:
    """A service's container. `image` is the id (sha256:…), `image_name` what it was started by; `files` and
    `directory` are the compose files and project directory it was started with."""

    id: str
    name: str
    image: str
    image_name: str
    created: datetime
    started: datetime
    state: str
    restarts: int
    project: str
    directory: str
    files: tuple[str, ...]
    revision: str | None


@dataclass(frozen=True)
class Image:
    """An image on the host by one of its names."""

    name: str
    tag: str
    id: str


def compose() -> Fact[str]:
    """Compose's version; this is what says that docker is missing."""
    return Fact(
        (Command.of("docker", "compose", "version", "--short"),),
        str.strip,
        missing="docker with compose v2 is needed on the host and does not answer; install or start it there",
    )


def container(directory: str, service: str) -> Fact[Container | None]:
    """The container of `service` of the compose project in `directory`; None when there is none."""

    def read(out: str) -> Container | None:
        # The newest wins: a recreate that was cut short may leave two.
        found = sorted((_container(one) for one in json.loads(out or "[]")), key=lambda one: one.created)
        return found[-1] if found else None

    inspect = _listing(directory, service).pipe("xargs", "-r", "docker", "inspect")
    return Fact((inspect,), read, missing=f"docker could not be asked for the container of {service}")


def images(repository: str) -> Fact[list[Image]]:
    """The images under the name `repository`, by tag."""

    def read(out: str) -> list[Image]:
        lines = [json.loads(line) for line in out.splitlines()]
        return [Image(one["Repository"], one["Tag"], one["ID"]) for one in lines]

    return Fact((Command.of("docker", "image", "ls", "--no-trunc", "--format={{json .}}", repository),), read)


def service_lines(directory: str, service: str, lines: int = 8) -> Fact[list[str]]:
    """The last lines the service's container wrote, both streams."""
    newest = _listing(directory, service).pipe("head", "-n", "1").shell()
    both = Command.of("sh", "-c", f'id=$({newest}); [ -z "$id" ] || docker logs --tail "$1" "$id" 2>&1', "sh", str(lines))
    return Fact((both,), str.splitlines, otherwise=list)


def _listing(directory: str, service: str) -> Command:
    labels = {"project.working_dir": directory, "service": service, "oneoff": "False"}
    filters = [f"--filter=label=com.docker.compose.{key}={value}" for key, value in labels.items()]
    return Command.of("docker", "ps", "--all", "--quiet", "--no-trunc", *filters)


def _container(raw: dict[str, Any]) -> Container:
    labels = raw["Config"]["Labels"]

    def label(name: str) -> str:
        return str(labels.get(f"com.docker.compose.{name}", ""))

    revision = str(labels.get("org.opencontainers.image.revision", ""))
    return Container(
        id=raw["Id"],
        name=raw["Name"].lstrip("/"),
        image=raw["Image"],
        image_name=raw["Config"]["Image"],
        created=_time(raw["Created"]),
        started=_time(raw["State"]["StartedAt"]),
        state=raw["State"]["Status"],
        restarts=raw["RestartCount"],
        project=label("project"),
        directory=label("project.working_dir"),
        files=tuple(label("project.config_files").split(",")),
        revision=revision if len(revision) == 40 else None,
    )


def _time(text: str) -> datetime:
    """RFC 3339 with nanoseconds, as Docker writes it."""
    return datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
