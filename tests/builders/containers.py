"""Builds containers, services, network attachments and commits."""

from datetime import UTC, datetime

from rollback_lib.commands.compose import Compose
from rollback_lib.facts import compose, docker, git, networks
from tests.builders.stack import STACK

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
WAY = Compose(STACK.compose_directory, (f"{STACK.compose_directory}/docker-compose.yml",), "docker")  # how compose is called


def container(service: str = "agents-api", **changes: object) -> docker.Container:
    """The only container of a service. It is running."""
    known = {
        "id": service, "name": f"docker-{service}-1", "service": service, "image": "sha256:" + "1" * 64, "image_name": f"docker-{service}",
        "created": NOW, "started": NOW, "state": "running", "exit": 0, "restarts": 0, "revision": None, "compose": WAY,
        "compose_version": "2", "mounts": (), "environment": {},
    }  # fmt: skip
    return docker.Container(**{**known, **changes})


def service(image: str, *, builds: bool = False, networks: tuple[str, ...] = ("docker_default",), **known: object) -> compose.Service:
    """A service as compose would start it."""
    return compose.Service(image, builds, networks, networks, (), **{"optional": False, **known})


def attached(name: str, network: str, *aliases: str, state: str = "running", id: str = "n1") -> networks.Attachment:
    """The attachment of a container to a network."""
    return networks.Attachment(name, network, aliases, (), (), (), id, state)


def commit(sha: str, when: datetime) -> git.Commit:
    return git.Commit(sha, "someone", when, f"subject {sha[:2]}")
