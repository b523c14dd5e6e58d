"""Every container of the host, with what tells how it is reached: networks, labels for Traefik, and its health check."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.facts import docker, secret_values
from rollback_lib.facts.docker import NEEDED, Container
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.listed import inspected, objects

# Of labels only those are kept that say where Traefik sends requests: others may hold passwords.
_ROUTING = re.compile(r"traefik\.http\.routers\.[^.]+\.(rule|entrypoints|tls(\.\w+)?)")
_ASKED = re.compile(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?::(\d+))?(/[A-Za-z0-9._~/%-]*)?(?![A-Za-z0-9._~/%?-])")


@dataclass(frozen=True, eq=False)
class Listed:
    """A container: `networks` are its names on each network it is on, `routing` its labels for Traefik, `asks` the path that its
    health check asks for over HTTP, "" where it has none."""

    container: Container
    networks: dict[str, tuple[str, ...]]
    routing: dict[str, str]
    asks: str

    @property
    def name(self) -> str:
        return self.container.name

    @property
    def service(self) -> str:
        """Its compose service, "" where compose has not made it."""
        return self.container.service

    @property
    def project(self) -> str:
        """Its compose project, "" where compose has not made it."""
        return self.container.compose.project or ""

    @property
    def running(self) -> bool:
        return self.container.state == "running"

    @property
    def published(self) -> dict[int, tuple[str, int]]:
        """Its TCP ports, each with the address and the port of the host where it is published."""
        found = (re.fullmatch(r"(.*):(\d+)→(\d+)/tcp", one) for one in sorted(self.container.published))
        return {int(one[3]): (one[1], int(one[2])) for one in found if one}

    def called(self, name: str) -> bool:
        """Whether another container reaches it by that name."""
        return name in (self.name, self.service) or any(name in aliases for aliases in self.networks.values())


def containers() -> Fact[list[Listed]]:
    """All of them, by name, running or not; without those that are removed as soon as they end, and one-off ones of compose."""

    def read(out: str) -> list[Listed]:
        return sorted((_listed(one) for one in objects(out) if _lasting(one)), key=lambda one: one.name)

    inspect = inspected("container", Command.of("docker", "ps", "--all", "--quiet", "--no-trunc"))
    return Fact((inspect,), read, missing=NEEDED, hides=_secrets, keep=8 * 1024 * 1024)


def _secrets(found: Iterable[Listed]) -> Iterator[str]:
    for one in found:
        yield from secret_values.in_environment(one.container.environment, (one.name, one.service))


def _lasting(raw: dict[str, Any]) -> bool:
    labels = raw["Config"].get("Labels") or {}
    return not raw["HostConfig"].get("AutoRemove") and labels.get("com.docker.compose.oneoff", "False") == "False"


def _listed(raw: dict[str, Any]) -> Listed:
    config, networks = raw["Config"], raw["NetworkSettings"]["Networks"] or {}
    return Listed(
        container=docker.container_of(raw),
        networks={name: tuple(one.get("Aliases") or ()) for name, one in sorted(networks.items())},
        routing={key: str(value) for key, value in (config.get("Labels") or {}).items() if _ROUTING.fullmatch(key)},
        asks=_asks((config.get("Healthcheck") or {}).get("Test") or ()),
    )


def _asks(test: Iterable[str]) -> str:
    """The path only: a query may hold a token."""
    found = _ASKED.search(" ".join(json.dumps(word)[1:-1] for word in test))
    return (found[2] or "/") if found else ""
