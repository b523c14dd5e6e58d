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
        known = {disk.mount: disk for disk in map(_disk, disks)}
        return Machine(float(clock) - time.time(), float(memory), float(up), tuple(known.values()))

    return Fact((_look(state),), read, missing="the host does not say how it is")


def for_images(state: str) -> Fact[int | None]:
    """The free bytes where Docker keeps images; None if that cannot be known. It asks the same as `machine`."""
    return Fact((_look(state),), lambda out: _disk(out.splitlines()[4]).free, otherwise=lambda _: None)


def _look(state: str) -> Command:
    return Command.of("sh", "-c", _LOOK, "sh", state)


def _disk(line: str) -> Disk:
    """A disk, from a line that `df` printed."""
    words = line.split()
    return Disk(words[5], int(words[3]) * 1024, (int(words[2]) + int(words[3])) * 1024)
