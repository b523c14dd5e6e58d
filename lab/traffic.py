"""Sends requests through the practice host's proxy at a steady rate, as users would, and counts them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle

from rollback_lib.health.headers import of_environment
from rollback_lib.health.probe import Probe
from rollback_lib.health.watch import Prober
from rollback_lib.stack.model import Stack

WORKERS = 32
TIMEOUT = 10.0  # seconds; a request that takes longer has failed


@dataclass
class Count:
    """The requests over one route. `said` counts the failed ones by HTTP status, or by error if there was no answer."""

    sent: int = 0
    failed: int = 0
    said: dict[str, int] = field(default_factory=dict)


class Traffic:
    """A steady stream of requests over all routes of a stack in turn, `per_second` of them. It runs inside a `with` statement."""

    def __init__(self, stack: Stack, per_second: float) -> None:
        self._every = 1 / per_second
        self._probers = [Prober(route, TIMEOUT, of_environment(stack.routes)) for route in stack.routes]
        self.routes = {route.name: Count() for route in stack.routes}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._clock = threading.Thread(target=self._run, daemon=True)
        self._pool = ThreadPoolExecutor(WORKERS)

    def __enter__(self) -> "Traffic":
        self._clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._clock.join()
        self._pool.shutdown()

    @property
    def sent(self) -> int:
        return sum(count.sent for count in self.routes.values())

    @property
    def answered(self) -> dict[str, int]:
        """The failed requests that got an answer: how many, by HTTP status."""
        said = [item for count in self.routes.values() for item in count.said.items() if item[0].isdigit()]
        return {status: sum(number for other, number in said if other == status) for status, _ in said}

    @property
    def failed(self) -> int:
        return sum(count.failed for count in self.routes.values())

    def _run(self) -> None:
        due = time.monotonic()
        for prober in cycle(self._probers):
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            due += self._every
            self._pool.submit(self._ask, prober)

    def _ask(self, prober: Prober) -> None:
        probe: Probe = prober.probe()
        with self._lock:
            count = self.routes[probe.route]
            count.sent += 1
            count.failed += not probe.ok
            if not probe.ok:
                said = str(probe.status or probe.said)
                count.said[said] = count.said.get(said, 0) + 1
