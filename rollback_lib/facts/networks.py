"""Which containers are attached to which networks, running or not, and which volumes exist."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.facts.docker import NEEDED
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.listed import inspected, objects


@dataclass(frozen=True)
class Attachment:
    """A container on a network, with what was asked for: aliases, addresses, links and options of the driver. `id` is the
    network's as the container remembers it: a stopped one does not start when that network is gone. Empty when it was never
    started."""

    container: str
    network: str
    aliases: tuple[str, ...]
    addresses: tuple[str, ...]
    links: tuple[str, ...]
    options: tuple[str, ...]
    id: str
    state: str

    def line(self) -> str:
        """Network, container and options of `docker network connect`, on a line."""
        words = [word for alias in self.aliases for word in ("--alias", alias)]
        words += [word for one in self.addresses for word in ("--ip6" if ":" in one else "--ip", one)]
        words += [word for one in self.links for word in ("--link", one)] + [word for one in self.options for word in ("--driver-opt", one)]
        return " ".join((self.network, self.container, *words))


@dataclass(frozen=True)
class Attachments:
    """Every attachment of every container on the host, and the networks' ids by name; `earlier` are the ids of those that there were
    just before."""

    all: tuple[Attachment, ...]
    networks: dict[str, str]
    earlier: frozenset[str] = frozenset()

    def of(self, container: str) -> dict[str, Attachment]:
        """Those of a container, by network."""
        return {one.network: one for one in self.all if one.container == container}

    @property
    def containers(self) -> frozenset[str]:
        """All containers that are on any network."""
        return frozenset(one.container for one in self.all)

    @property
    def stale(self) -> tuple[Attachment, ...]:
        """Those to a network that is not there any more: their containers do not start. One that went while we looked may have gone
        with its containers."""
        known = self.earlier.union(self.networks.values())
        return tuple(one for one in self.all if one.id and one.id not in known)


def attachments() -> Fact[Attachments]:
    """The attachments of all containers, stopped ones, too."""
    networks = Command.of("docker", "network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}")
    inspect = inspected("container", Command.of("docker", "ps", "--all", "--quiet", "--no-trunc"))

    def read(out: str) -> Attachments:
        first, containers, last = out.split("\x1e")
        found = (one for container in objects(containers) for one in _attached(container))
        return Attachments(tuple(found), {name: key for key, name in _networks(last)}, frozenset(key for key, _ in _networks(first)))

    apart = Command.of("printf", "\\036")
    return Fact((networks, apart, inspect, apart, networks), read, missing=NEEDED)


def _networks(out: str) -> Iterator[tuple[str, str]]:
    for line in filter(None, out.splitlines()):
        key, _, name = line.partition(" ")
        yield key, name


def _attached(raw: dict[str, Any]) -> list[Attachment]:
    if raw.get("HostConfig", {}).get("AutoRemove"):
        return []  # gone as soon as it ends: there is nothing to put back
    found = []
    for network, one in raw["NetworkSettings"]["Networks"].items():
        if network in ("host", "none"):
            continue
        asked, options = one.get("IPAMConfig") or {}, one.get("DriverOpts") or {}
        found.append(
            Attachment(
                container=raw["Name"].lstrip("/"), network=network,
                # Before Docker 25 the short id was among the aliases.
                aliases=tuple(alias for alias in one.get("Aliases") or () if not raw["Id"].startswith(alias)),
                addresses=tuple(asked[key] for key in ("IPv4Address", "IPv6Address") if asked.get(key)),
                links=tuple(one.get("Links") or ()), options=tuple(f"{key}={value}" for key, value in options.items()),
                id=one.get("NetworkID") or "", state=raw["State"]["Status"],
            )
        )  # fmt: skip
    return found


@dataclass(frozen=True)
class Volume:
    """A volume; `created` tells it from another one of the same name. An `anonymous` one belongs to one container only."""

    name: str
    created: str
    anonymous: bool


def volumes() -> Fact[dict[str, Volume]]:
    """All volumes of the host, by name."""
    inspect = inspected("volume", Command.of("docker", "volume", "ls", "--quiet"))
    return Fact((inspect,), lambda out: {one["Name"]: _volume(one) for one in objects(out)}, missing=NEEDED)


def _volume(raw: dict[str, Any]) -> Volume:
    # Compose marks those it made by a name; one without a mark and with 64 hex digits for a name nobody named.
    hexadecimal = len(raw["Name"]) == 64 and set(raw["Name"]) <= set("0123456789abcdef")
    return Volume(raw["Name"], raw["CreatedAt"], hexadecimal and "com.docker.compose.volume" not in (raw["Labels"] or {}))
