"""Which containers have a file of the host mounted, in whatever project they are."""

from collections.abc import Iterable
from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.facts.docker import NEEDED
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.listed import inspected, objects


@dataclass(frozen=True)
class Mount:
    """A folder or file of the host that a container has mounted at `destination`. `source` is its path on the host. `driver` is that of the
    volume, "" for a path. `writable` is whether the container may write there, `up` whether it runs or is about to."""

    container: str
    source: str
    destination: str
    driver: str
    writable: bool
    up: bool

    def holds(self, path: str) -> bool:
        """Whether a path of the host is in it."""
        return f"{path}/".startswith(f"{self.source.rstrip('/')}/")

    def on_host(self, path: str) -> str:
        """A path in the container, as the host has it."""
        return self.source + path.removeprefix(self.destination.rstrip("/"))


_FORM = '{"name":{{json .Name}},"status":{{json .State.Status}},"mounts":{{json .Mounts}}}'


def mounts() -> Fact[list[Mount]]:
    """The mounts of all containers of the host, running or not."""

    def read(out: str) -> list[Mount]:
        return [
            Mount(
                one["name"].lstrip("/"), mount["Source"].rstrip("/"), mount["Destination"], mount.get("Driver", ""), mount["RW"],
                one["status"] in ("running", "restarting", "paused"),
            )
            for one in objects(out) for mount in one["mounts"] or () if mount["Type"] in ("bind", "volume")
        ]  # fmt: skip

    listing = Command.of("docker", "ps", "--all", "--quiet", "--no-trunc")
    return Fact((inspected("container", listing, _FORM),), read, missing=NEEDED)


def covering(found: Iterable[Mount], container: str, path: str) -> Mount | None:
    """The mount of a container in which a path is, as the container has it: the innermost; None if it is in none."""
    mine = [one for one in found if one.container == container and f"{path}/".startswith(f"{one.destination.rstrip('/')}/")]
    return max(mine, key=lambda one: len(one.destination), default=None)
