"""Two practice hosts that take turns: while a test uses one, the other is reset to its clean state."""

import os
from concurrent.futures import Future, ThreadPoolExecutor

from lab.practice_host import PracticeHost


class Hosts:
    """The hosts of a test session. A host that a test has used counts as changed until it is reset."""

    def __init__(self) -> None:
        # Workers of pytest-xdist run tests in parallel, so each has its own hosts.
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        name, ports = f"test-{worker}" if worker else "test", 20 * worker
        self._hosts = (PracticeHost(name, 22122 + ports, 22543 + ports), PracticeHost(f"{name}-b", 22124 + ports, 22545 + ports))
        self._resets: dict[str, Future[None]] = {}
        self._worker = ThreadPoolExecutor(1)
        self._hosts[0].up()

    def clean(self, *, quiet: bool) -> PracticeHost:
        """A host in its clean state. With `quiet`, the other host is not being reset meanwhile: some tests need an idle machine."""
        host, other = sorted(self._hosts, key=lambda candidate: candidate.name not in self._resets)
        mine, following = self._reset(host), self._reset(other)
        del self._resets[host.name]
        mine.result()
        if quiet:
            following.result()
        return host

    def first(self) -> PracticeHost:
        """The first host, as the last test left it, or clean. No host is being reset meanwhile."""
        for reset in self._resets.values():
            reset.result()
        self._resets.pop(self._hosts[0].name, None)
        return self._hosts[0]

    def down(self) -> None:
        """Remove both hosts."""
        self._worker.shutdown()
        for host in self._hosts:
            host.down()

    def _reset(self, host: PracticeHost) -> "Future[None]":
        if host.name not in self._resets:
            self._resets[host.name] = self._worker.submit(host.reset)
        return self._resets[host.name]
