"""The host as a machine: its clock, memory and disks."""

import time
from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact


@dataclass(frozen=True)
class Disk:
    """A disk, named by its mount point: its free bytes, and its size in bytes."""

    mount: str
    free: int
    size: int

    @property
    def share(self) -> float:
        """The share of the disk that is free, from 0 to 1."""
        return self.free / self.size if self.size else 1.0


@dataclass(frozen=True)
class Machine:
    """`ahead` is how many seconds the host's clock is ahead of the local one. `memory` is the available share of it, from 0 to 1.
    `up` is the uptime in seconds. `disks` are those that hold the system, Docker's data and the stack's folder."""

    ahead: float
    memory: float
    up: float
    disks: tuple[Disk, ...]


_LOOK = r"""
date +%s.%N
cut -d ' ' -f 1 /proc/uptime
awk '/^MemTotal:/ { total = $2 } /^MemAvailable:/ { free = $2 } END { print free / total }' /proc/meminfo
docker=$(docker info --format '{{.DockerRootDir}}' 2>/dev/null) || docker=/
[ -d "$1" ] && state=$1 || state=/
df -P -k / "$docker" "$state" | tail -n +2
"""


def machine(state: str) -> Fact[Machine]:
    """The machine. `state` is the path of the stack's folder on it."""

    def read(out: str) -> Machine:
        clock, up, memory, *disks = out.splitlines()
        words = (line.split() for line in disks)
        known = {row[5]: Disk(row[5], int(row[3]) * 1024, (int(row[2]) + int(row[3])) * 1024) for row in words}
        return Machine(float(clock) - time.time(), float(memory), float(up), tuple(known.values()))

    return Fact((Command.of("sh", "-c", _LOOK, "sh", state),), read, missing="the host does not say how it is")
