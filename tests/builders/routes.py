"""Routes with given answers, and a clock that only advances when somebody sleeps."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from rollback_lib.health.probe import Probe
from rollback_lib.stack.route import Route

PASS, FAIL = True, False


class Routes:
    """Routes that answer as a test says.

    `answers` are the answers of each route by name (with _ for -), in order; the last is repeated. A route without answers passes.
    `asked` is how often each route was probed, `closed` how many probers were closed, and `said` what failed probes are answered.
    """

    def __init__(self, **answers: Sequence[bool]) -> None:
        self._answers = {name.replace("_", "-"): list(known) for name, known in answers.items()}
        self.asked: dict[str, int] = {}
        self.closed = 0
        self.said = "out of order"

    def prober(self, route: Route, timeout: float, values: object = None) -> "_Prober":
        return _Prober(self, route.name)

    def instead_of_real_ones(self, patch: pytest.MonkeyPatch) -> "Routes":
        """Replace the real probers by these routes. Of each route only one probe is under way at a time."""
        for who in ("rollback_lib.run.monitor.Prober", "rollback_lib.health.watch.Prober"):
            patch.setattr(who, self.prober)
        patch.setattr("rollback_lib.health.watch.AT_ONCE", 1)
        return self

    def answer(self, name: str) -> Probe:
        self.asked[name] = self.asked.get(name, 0) + 1
        known = self._answers.get(name, [PASS])
        ok = known.pop(0) if len(known) > 1 else known[0]
        return Probe(name, datetime.now(UTC), ok, 200 if ok else 500, 0.01, "fine" if ok else self.said)


class _Prober:
    def __init__(self, routes: Routes, name: str) -> None:
        self.route: Any = type("Named", (), {"name": name})
        self._routes = routes

    def probe(self) -> Probe:
        return self._routes.answer(self.route.name)

    def close(self) -> None:
        self._routes.closed += 1


class Clock:
    """Stands for the module `time`. `now` advances by the seconds that somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds or 0.01  # even a look without a pause takes some time
