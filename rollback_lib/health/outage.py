"""Outages: since when routes have failed, as far as is known, and for how long they were down because of the rollback itself.

The figures of a run are computed here. Chart, record, report, post-mortem and notebook only show them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rollback_lib.text import times


@dataclass(frozen=True)
class Tick:
    """One probe of a route: when it was sent (`at`), whether it passed, and when its answer came (`answered`)."""

    route: str
    at: datetime
    ok: bool
    answered: datetime


@dataclass(frozen=True)
class Failure:
    """A time during which a route failed.

    It lasts from the first failed probe to the next one that passed, each at the moment it was sent. If none has passed since, it is not
    `over`, and `end` is the time of the last answer.
    """

    begin: datetime
    end: datetime
    over: bool

    @property
    def seconds(self) -> float:
        return (self.end - self.begin).total_seconds()


@dataclass(frozen=True)
class Outage:
    """The outage of one route.

    `before`: the route already failed before the run changed anything, and it is not known for how long. Otherwise it was healthy until
    then, and the rollback itself made it fail. `spans` are the times during which it failed. `watched`: the run only watched it, so that it
    may have failed several times for reasons of their own.
    """

    route: str
    before: bool
    spans: tuple[Failure, ...]
    watched: bool = False

    @property
    def since(self) -> datetime:
        return self.spans[0].begin

    @property
    def over(self) -> bool:
        return self.spans[-1].over

    @property
    def seconds(self) -> float:
        """How long the route failed. If it failed before the run, from the first failed probe to the end; else the sum of its spans."""
        if self.before:
            return (self.spans[-1].end - self.since).total_seconds()
        return round(sum(span.seconds for span in self.spans), 3)

    @property
    def words(self) -> str:
        """The outage in words, as a chart shows them beside the route."""
        if self.before:
            often = f", {len(self.spans)} times" if self.watched and len(self.spans) > 1 else ""
            end = f"healthy at {times.clock(self.spans[-1].end)}" if self.over else "not over"
            return f"failing since {times.clock(self.since)} UTC at least{often}, {end}"
        return f"down {times.exactly(self.seconds)} by the rollback{'' if self.over else ', not over'}"


@dataclass(frozen=True)
class Outages:
    """The outages of a run, by route. `asked` is whether any route was probed, `changed` whether the run has begun to change the stack."""

    routes: tuple[Outage, ...]
    asked: bool
    changed: bool

    @classmethod
    def of(cls, ticks: Sequence[Tick], changed: datetime | None) -> "Outages":
        """The outages in these probes. `changed` is when the first step that changes the stack began; None if none has.

        A route failed before the run if any probe failed that was answered before `changed`. If there is no such probe, the first
        probe of the route decides.
        """
        found = []
        for route in sorted({tick.route for tick in ticks}):
            of_route = sorted((tick for tick in ticks if tick.route == route), key=lambda tick: tick.at)
            before = [tick for tick in of_route if changed is None or tick.answered < changed] or of_route[:1]
            spans = tuple(_spans(of_route))
            if spans:
                found.append(Outage(route, not all(tick.ok for tick in before), spans, changed is None))
        return cls(tuple(found), asked=bool(ticks), changed=changed is not None)

    def data(self) -> dict[str, Any]:
        """What a record keeps of the outages; empty if no route was probed.

        `failing_since` is since when a route failed that failed before the run changed anything (ISO 8601, or None).
        `outage_by_rollback_seconds` is for how many seconds the rollback made a route fail. Of several routes, the longest counts.
        """
        if not self.asked:
            return {}
        failing, down = self._of(before=True), self._of(before=False)
        return {
            "failing_since": _longest(failing).since.isoformat(timespec="milliseconds") if failing else None,
            "outage_by_rollback_seconds": _longest(down).seconds if down else 0.0,
        }

    @property
    def words(self) -> str:
        """The outages in words."""
        if not self.routes:
            return "none: no probe failed" if self.asked else "not known: no route was asked"
        parts = [_sentence(found) for found in (self._of(before=True), self._of(before=False)) if found]
        none = self.changed and not self._of(before=False)
        return "; ".join([*parts, "none by the rollback itself"] if none else parts)

    def _of(self, *, before: bool) -> list[Outage]:
        return [outage for outage in self.routes if outage.before is before]


def _spans(ticks: Sequence[Tick]) -> Iterator[Failure]:
    """The times during which a route failed. `ticks` are its probes in the order in which they were sent."""
    begin: datetime | None = None
    for tick in ticks:
        if begin is None and not tick.ok:
            begin = tick.at
        elif begin is not None and tick.ok:
            yield Failure(begin, tick.at, over=True)
            begin = None
    if begin is not None:
        yield Failure(begin, max(tick.answered for tick in ticks), over=False)


def _longest(found: Sequence[Outage]) -> Outage:
    return max(found, key=lambda outage: outage.seconds)


def _sentence(found: Sequence[Outage]) -> str:
    longest = _longest(found)
    remarks = [f"the longest of {len(found)} routes"] if len(found) > 1 else []
    remarks += [f"{outage.route} is not over" for outage in found if not outage.over and outage is not longest]
    return f"{longest.route} {longest.words}" + (f" ({', '.join(remarks)})" if remarks else "")
