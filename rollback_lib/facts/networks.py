"""The networks that containers, running or not, are attached to, and the volumes that exist."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.facts.docker import ANONYMOUS, NEEDED
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.listed import inspected, objects


@dataclass(frozen=True)
class Attachment:
    """The attachment of a container to a network, with the aliases, addresses, links and driver options that were asked for.

    `id` is the network's id as stored with the container, "" if the container was never started. A stopped container does not start
    if the network with that id is gone. `state` is the container's, such as "running".
    """

    container: str
    network: str
    aliases: tuple[str, ...]
    addresses: tuple[str, ...]
    links: tuple[str, ...]
    options: tuple[str, ...]
    id: str
    state: str

    def line(self) -> str:
        """Network, container and options, as for `docker network connect`, on one line."""
        words = [word for alias in self.aliases for word in ("--alias", alias)]
        words += [word for address in self.addresses for word in ("--ip6" if ":" in address else "--ip", address)]
        words += [word for link in self.links for word in ("--link", link)]
        words += [word for option in self.options for word in ("--driver-opt", option)]
        return " ".join((self.network, self.container, *words))


@dataclass(frozen=True)
class Attachments:
    """Every attachment of every container on the host, and the ids of all networks by name.

    The networks are listed after the containers. `earlier` are the ids of those that existed just before.
    """

    all: tuple[Attachment, ...]
    networks: dict[str, str]
    earlier: frozenset[str] = frozenset()

    def of(self, container: str) -> dict[str, Attachment]:
        """The attachments of a container, by network name."""
        return {attachment.network: attachment for attachment in self.all if attachment.container == container}

    @property
    def containers(self) -> frozenset[str]:
        """All containers that are on any network."""
        return frozenset(one.container for one in self.all)

    @property
    def stale(self) -> tuple[Attachment, ...]:
        """The attachments to a network that no longer exists, whose containers do not start. A network that went while it was listed does
        not count, as its containers may have gone with it."""
        known = self.earlier.union(self.networks.values())
        return tuple(attachment for attachment in self.all if attachment.id and attachment.id not in known)


def attachments() -> Fact[Attachments]:
    """The attachments of all containers, including stopped ones."""
    networks = Command.of("docker", "network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}")
    inspect = inspected("container", Command.of("docker", "ps", "--all", "--quiet", "--no-trunc"))

    def read(out: str) -> Attachments:
        first, containers, last = out.split("\x1e")
        found = (attachment for container in objects(containers) for attachment in _attached(container))
        return Attachments(tuple(found), {name: key for key, name in _networks(last)}, frozenset(key for key, _ in _networks(first)))

    apart = Command.of("printf", "\\036")
    return Fact((networks, apart, inspect, apart, networks), read, missing=NEEDED)


def _networks(out: str) -> Iterator[tuple[str, str]]:
    for line in filter(None, out.splitlines()):
        key, _, name = line.partition(" ")
        yield key, name


def _attached(raw: dict[str, Any]) -> list[Attachment]:
    if raw.get("HostConfig", {}).get("AutoRemove"):
        return []  # such a container is removed as soon as it ends, so there is nothing to reconnect
    found = []
    for network, settings in raw["NetworkSettings"]["Networks"].items():
        if network in ("host", "none"):
            continue
        asked, options = settings.get("IPAMConfig") or {}, settings.get("DriverOpts") or {}
        found.append(
            Attachment(
                container=raw["Name"].lstrip("/"), network=network,
                # Before Docker 25 the container's short id was among its aliases.
                aliases=tuple(alias for alias in settings.get("Aliases") or () if not raw["Id"].startswith(alias)),
                addresses=tuple(asked[key] for key in ("IPv4Address", "IPv6Address") if asked.get(key)),
                links=tuple(settings.get("Links") or ()), options=tuple(f"{key}={value}" for key, value in options.items()),
                id=settings.get("NetworkID") or "", state=raw["State"]["Status"],
            )
        )  # fmt: skip
    return found


@dataclass(frozen=True)
class Volume:
    """A volume. `created` tells it from an earlier or later volume of the same name. An `anonymous` one belongs to one container only."""

    name: str
    created: str
    anonymous: bool


def volumes() -> Fact[dict[str, Volume]]:
    """All volumes of the host, by name."""
    inspect = inspected("volume", Command.of("docker", "volume", "ls", "--quiet"))
    return Fact((inspect,), lambda out: {raw["Name"]: _volume(raw) for raw in objects(out)}, missing=NEEDED)


def _volume(raw: dict[str, Any]) -> Volume:
    by_compose = "com.docker.compose.volume" in (raw["Labels"] or {})  # as on all volumes with a name in the compose files
    return Volume(raw["Name"], raw["CreatedAt"], ANONYMOUS.fullmatch(raw["Name"]) is not None and not by_compose)
