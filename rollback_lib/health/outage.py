"""Outages: since when routes failed, as far as is known, and for how long they failed by the rollback itself.

These are the figures of a run; chart, record, report, post-mortem and notebook only show them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rollback_lib.text import times


@dataclass(frozen=True)
class Tick:
    """One probe of a route: when it was sent, whether it passed, and when that was known."""

    route: str
    at: datetime
    ok: bool
    answered: datetime


@dataclass(frozen=True)
class Failing:
    """From a failed probe to the one that passed next, each at the moment it was sent; where none has (not `over`), to the last answer."""

    begin: datetime
    end: datetime
    over: bool

    @property
    def seconds(self) -> float:
        return (self.end - self.begin).total_seconds()


@dataclass(frozen=True)
class Outage:
    """A route that failed. `before`: it failed before the run changed anything, so that nobody knows for how long already;
    else it was well until then, and failed by the rollback itself."""

    route: str
    before: bool
    spans: tuple[Failing, ...]

    @property
    def since(self) -> datetime:
        return self.spans[0].begin

    @property
    def over(self) -> bool:
        return self.spans[-1].over

    @property
    def seconds(self) -> float:
        """How long it failed: all in all when it failed before, else the sum of its spans."""
        if self.before:
            return (self.spans[-1].end - self.since).total_seconds()
        return round(sum(span.seconds for span in self.spans), 3)

    @property
    def words(self) -> str:
        """What a chart has beside it."""
        if self.before:
            end = f"healthy at {times.clock(self.spans[-1].end)}" if self.over else "not over"
            return f"failing since {times.clock(self.since)} UTC at least, {end}"
        return f"down {times.exactly(self.seconds)} by the rollback{'' if self.over else ', not over'}"


@dataclass(frozen=True)
class Outages:
    """Those of a run, by route. `asked`: any route was asked; `changed`: the run has begun to change the stack."""

    routes: tuple[Outage, ...]
    asked: bool
    changed: bool

    @classmethod
    def of(cls, ticks: Sequence[Tick], changed: datetime | None) -> "Outages":
        """What these probes tell; `changed` is when the first step began that changes the stack, None where none has.

        A route of which any probe failed that was answered before then is one that failed before. Where nothing was asked
        before, the first probe tells.
        """
        found = []
        for route in sorted({tick.route for tick in ticks}):
            mine = sorted((tick for tick in ticks if tick.route == route), key=lambda tick: tick.at)
            before = [tick for tick in mine if changed is None or tick.answered < changed] or mine[:1]
            spans = tuple(_spans(mine))
            if spans:
                found.append(Outage(route, not all(tick.ok for tick in before), spans))
        return cls(tuple(found), asked=bool(ticks), changed=changed is not None)

    def data(self) -> dict[str, Any]:
        """What a record keeps: since when a route failed that failed before the run changed anything (ISO 8601, or None), and
        for how many seconds one failed by the rollback itself; of several routes, the longest. Nothing where no route was asked."""
        if not self.asked:
            return {}
        failing, down = self._of(before=True), self._of(before=False)
        return {
            "failing_since": _longest(failing).since.isoformat(timespec="milliseconds") if failing else None,
            "outage_by_rollback_seconds": _longest(down).seconds if down else 0.0,
        }

    @property
    def words(self) -> str:
        """The same in words."""
        if not self.routes:
            return "none: no probe failed" if self.asked else "not known: no route was asked"
        said = [_said(found) for found in (self._of(before=True), self._of(before=False)) if found]
        none = self.changed and not self._of(before=False)
        return "; ".join([*said, "none by the rollback itself"] if none else said)

    def _of(self, *, before: bool) -> list[Outage]:
        return [one for one in self.routes if one.before is before]


def _spans(ticks: Sequence[Tick]) -> Iterator[Failing]:
    """Where a route failed; its probes in the order they were sent."""
    begin: datetime | None = None
    for tick in ticks:
        if begin is None and not tick.ok:
            begin = tick.at
        elif begin is not None and tick.ok:
            yield Failing(begin, tick.at, over=True)
            begin = None
    if begin is not None:
        yield Failing(begin, max(tick.answered for tick in ticks), over=False)


def _longest(found: Sequence[Outage]) -> Outage:
    return max(found, key=lambda one: one.seconds)


def _said(found: Sequence[Outage]) -> str:
    longest = _longest(found)
    others = [f"the longest of {len(found)} routes"] if len(found) > 1 else []
    others += [f"{one.route} is not over" for one in found if not one.over and one is not longest]
    return f"{longest.route} {longest.words}" + (f" ({', '.join(others)})" if others else "")
