"""Two practice hosts in turn: while a test breaks one, the other is put back to its clean state."""

import os
from concurrent.futures import Future, ThreadPoolExecutor

from lab.practice_host import PracticeHost


class Hosts:
    """The hosts of a test session. One that a test was given counts as changed until it is reset."""

    def __init__(self) -> None:
        # Tests that run side by side (pytest-xdist) have hosts of their own.
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        name, ports = f"test-{worker}" if worker else "test", 20 * worker
        self._hosts = (PracticeHost(name, 22122 + ports, 22543 + ports), PracticeHost(f"{name}-b", 22124 + ports, 22545 + ports))
        self._resets: dict[str, Future[None]] = {}
        self._worker = ThreadPoolExecutor(1)
        self._hosts[0].up()

    def clean(self, *, quiet: bool) -> PracticeHost:
        """A host in its clean state. `quiet`: the other is not reset meanwhile, for what is sensitive to a busy machine."""
        host, other = sorted(self._hosts, key=lambda one: one.name not in self._resets)
        mine, following = self._reset(host), self._reset(other)
        del self._resets[host.name]
        mine.result()
        if quiet:
            following.result()
        return host

    def first(self) -> PracticeHost:
        """The first host, as the test before left it, or clean; nothing is reset meanwhile."""
        for reset in self._resets.values():
            reset.result()
        self._resets.pop(self._hosts[0].name, None)
        return self._hosts[0]

    def down(self) -> None:
        """Remove them both."""
        self._worker.shutdown()
        for host in self._hosts:
            host.down()

    def _reset(self, host: PracticeHost) -> "Future[None]":
        if host.name not in self._resets:
            self._resets[host.name] = self._worker.submit(host.reset)
        return self._resets[host.name]
