"""A lock between the workers of a session: a test that measures time has the machine to itself, and all other tests share it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Quiet:
    """The lock. `folder` is one that all workers have in common."""

    def __init__(self, folder: Path) -> None:
        self._machine, self._door = folder / "machine.lock", folder / "door.lock"

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Wait until nobody is alone or waits to be, and keep others from being alone until the end of the block."""
        with _locked(self._door, fcntl.LOCK_EX) as door, _locked(self._machine, fcntl.LOCK_SH):
            fcntl.flock(door, fcntl.LOCK_UN)
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until nobody shares the machine, and let nobody until the end of the block."""
        with _locked(self._door, fcntl.LOCK_EX), _locked(self._machine, fcntl.LOCK_EX):  # nobody else begins to share it meanwhile
            yield


@contextmanager
def _locked(file: Path, how: int) -> Iterator[int]:
    with file.open("a") as lock:
        fcntl.flock(lock, how)
        yield lock.fileno()
