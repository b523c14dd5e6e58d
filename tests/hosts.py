"""Two practice hosts that take turns: while a test uses one, the other is reset to its clean state."""

import os
from concurrent.futures import Future, ThreadPoolExecutor

from lab.practice_host import PracticeHost
from tests.quiet import Quiet


class Hosts:
    """The hosts of a test session. A host that a test has used counts as changed until it is reset."""

    def __init__(self, quiet: Quiet) -> None:
        # Workers of pytest-xdist run tests in parallel, so each has its own hosts.
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        name, ports = f"test-{worker}" if worker else "test", 20 * worker
        self.quiet = quiet
        self._hosts = (PracticeHost(name, 22122 + ports, 22543 + ports), PracticeHost(f"{name}-b", 22124 + ports, 22545 + ports))
        self._in_use = self._hosts[0]
        self._resets: dict[str, Future[None]] = {}
        self._worker = ThreadPoolExecutor(1)
        self._reset(self._hosts[0])

    def clean(self) -> PracticeHost:
        """A host in its clean state."""
        host, other = sorted(self._hosts, key=lambda candidate: candidate.name not in self._resets)
        mine = self._reset(host)
        self._reset(other)
        del self._resets[host.name]
        mine.result()
        self._in_use = host
        return host

    def spare(self) -> PracticeHost:
        """A host that nobody has got as a clean one since its reset. No host is being reset meanwhile."""
        for host in self._hosts:
            if host.name in self._resets:
                self._resets.pop(host.name).result()
                self._in_use = host
        return self._in_use

    def down(self) -> None:
        """Remove both hosts."""
        self._worker.shutdown()
        for host in self._hosts:
            host.down()

    def _reset(self, host: PracticeHost) -> "Future[None]":
        def reset() -> None:
            with self.quiet.shared():
                host.reset()

        if host.name not in self._resets:
            self._resets[host.name] = self._worker.submit(reset)
        return self._resets[host.name]
