"""The machine itself: its clock, memory and disks."""

import time
from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact


@dataclass(frozen=True)
class Disk:
    """A disk by where it is mounted: bytes free, and of how many."""

    mount: str
    free: int
    size: int

    @property
    def share(self) -> float:
        """How much of it is free, from 0 to 1."""
        return self.free / self.size if self.size else 1.0


@dataclass(frozen=True)
class Machine:
    """`ahead` are the seconds its clock is ahead of ours; `memory` the share that is free, from 0 to 1; `up` how long it runs, in
    seconds; `disks` are those of the system, of Docker and of our state."""

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
    """The machine; our state on it is in the folder `state`."""

    def read(out: str) -> Machine:
        clock, up, memory, *disks = out.splitlines()
        words = (line.split() for line in disks)
        known = {one[5]: Disk(one[5], int(one[3]) * 1024, (int(one[2]) + int(one[3])) * 1024) for one in words}
        return Machine(float(clock) - time.time(), float(memory), float(up), tuple(known.values()))

    return Fact((Command.of("sh", "-c", _LOOK, "sh", state),), read, missing="the host does not say how it is")
