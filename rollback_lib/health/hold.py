"""Whether routes hold: they were healthy at the beginning, and none has been without health for long since.

A route is healthy when its last `passes` probes passed, as everywhere. A failed probe takes that from it, and `passes` probes in a row
give it back. So a single failed probe is no outage, but a route that fails every second time is one: it never becomes healthy again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rollback_lib.health.probe import Probe
from rollback_lib.stack.route import Health

PATIENCE = 10.0  # seconds that a route may be without health, beside the time that the probes take which give it back


def unhealthy_since(probes: Iterable[Probe], passes: int, begin: datetime) -> datetime | None:
    """Since when a route has not been healthy, from its probes in the order in which they were begun; None if it is healthy. Until it has
    passed `passes` probes in a row for the first time, that is since `begin`."""
    since: datetime | None = begin
    passed = 0
    for probe in probes:
        if not probe.ok:
            since, passed = since or probe.at, 0
            continue
        passed += 1
        if passed >= passes:
            since = None
    return since


@dataclass(frozen=True)
class Hold:
    """The routes with these names have to hold for `seconds` from `begin`, when they were healthy. `grace` are the seconds that a route
    may take to become healthy again."""

    routes: Sequence[str]
    health: Health
    begin: datetime
    seconds: float
    grace: float = 0.0

    @property
    def patience(self) -> timedelta:
        """How long a route may be without health."""
        return timedelta(seconds=max(self.grace, PATIENCE + self.health.passes * self.health.every))

    @property
    def end(self) -> datetime:
        """Until when they have to hold."""
        return self.begin + timedelta(seconds=self.seconds)

    def unhealthy(self, probes: Iterable[Probe]) -> dict[str, datetime]:
        """The routes that are not healthy, each with since when. Probes from before `begin` do not count."""
        of: dict[str, list[Probe]] = {name: [] for name in self.routes}
        for probe in probes:
            if probe.at >= self.begin:
                of[probe.route].append(probe)
        since = {name: unhealthy_since(of[name], self.health.passes, self.begin) for name in self.routes}
        return {name: at for name, at in since.items() if at}

    def lost(self, unhealthy: dict[str, datetime], now: datetime) -> list[str]:
        """Those of these routes that have been without health for too long."""
        return [name for name, since in unhealthy.items() if now - since > self.patience]

    def held(self, unhealthy: dict[str, datetime], now: datetime) -> bool:
        """Whether the time is over, and every route is healthy."""
        return now >= self.end and not unhealthy
