"""Statistics of records: time to healthy by procedure, how often each was needed, drills and readiness per day, failures mended later.

Each figure is defined in docs/statistics.md. What a record does not say is counted as not known, never guessed.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from math import sqrt
from statistics import median
from typing import Any

from rollback_lib.record.index import OPEN, Ran
from rollback_lib.record.verdict import Verdict

READINESS = "readiness"  # the procedure that says whether a rollback would work
FEWEST, NEWEST = 10, 40  # a trend is told from so many times on, and looks at so many of the newest
MENDED_WITHIN = timedelta(days=1)  # what comes later is not taken as the cure of a failure
_SURE = 1.96  # standard deviations: chance alone gives a trend in one case of twenty
_LOOKED = {str(verdict) for verdict in Verdict if verdict.looked}
_APPLIED = (Verdict.SUCCEEDED, Verdict.RESTORED, Verdict.PARTLY)


@dataclass(frozen=True)
class Trend:
    """How the newest times to healthy developed: `faster`, `slower`, or `steady` if chance alone may explain what differs. `before` and
    `after` are the medians of their older and their newer half, in seconds."""

    word: str
    before: float
    after: float


@dataclass(frozen=True)
class Healing:
    """Times to healthy, in seconds: how many are known, their median, the longest and its incident, and their trend. None where there are
    too few."""

    known: int
    median: float | None
    worst: float | None
    incident: str
    trend: Trend | None


@dataclass(frozen=True)
class Usage:
    """How often a procedure changed a stack, how these runs ended, and how long it took until the stack was healthy. `times` are when each
    run whose time is known was opened, and its seconds, oldest first."""

    procedure: str
    runs: int
    succeeded: int
    restored: int
    partly: int
    unknown: int
    healing: Healing
    times: tuple[tuple[str, float], ...]


@dataclass
class Day:
    """What was practised on a day (UTC): readiness runs and drills, each by whether it ended well."""

    day: str
    ready: int = 0
    not_ready: int = 0
    drills: int = 0
    failed_drills: int = 0


@dataclass(frozen=True)
class Failure:
    """A run that changed a stack and failed. `mended_by` is the incident that brought the stack to health, the same one if it was resumed;
    "" if none did within a day. `after` is how many seconds later."""

    opened: str
    incident: str
    procedure: str
    stack: str
    verdict: str
    mended_by: str = ""
    mended_with: str = ""
    after: float | None = None


@dataclass(frozen=True)
class Statistics:
    """All figures. `first` and `last` are the days of the oldest and the newest record, "" if there is none. `left_out` has how many runs
    do not count as needed, by why."""

    records: int
    first: str
    last: str
    needed: tuple[Usage, ...]
    drills: tuple[Usage, ...]
    days: tuple[Day, ...]
    failures: tuple[Failure, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def mended(self) -> tuple[Failure, ...]:
        return tuple(one for one in self.failures if one.mended_by)

    def data(self) -> dict[str, Any]:
        """All of it in types that JSON has."""
        return asdict(self)


def statistics(records: Iterable[Ran], until: date | None = None) -> Statistics:
    """The statistics of these records, oldest first. With `until`, those opened after that day (UTC) count only as the cure of an earlier
    failure."""
    seen = list(records)
    counted = [one for one in seen if one.opened[:10] <= str(until)] if until else seen
    changed = list(filter(touched, counted))
    needed, drilled = [one for one in changed if not one.practice], [one for one in changed if one.practice]
    return Statistics(
        records=len(counted), first=counted[0].opened[:10] if counted else "", last=counted[-1].opened[:10] if counted else "",
        needed=_usages(needed), drills=_usages(drilled), days=_days(counted, drilled), failures=tuple(_failures(needed, seen)),
        left_out=dict(Counter(why for one in counted if (why := _left_out(one))).most_common()),
    )  # fmt: skip


def touched(one: Ran) -> bool:
    """Whether the run began to change its stack. Older records do not say, but their verdicts may."""
    if one.verdict == OPEN:
        return False
    return (one.mode == "apply" and one.verdict in _APPLIED) if one.changed is None else bool(one.changed)


def _left_out(one: Ran) -> str:
    """Why the run does not count as needed; "" if it does."""
    if one.verdict == OPEN:
        return "not sealed, as a run that goes on or was killed"
    if touched(one):
        return "drills" if one.practice else ""
    if one.verdict in _LOOKED or one.procedure == READINESS:
        return "only looked (triage, readiness, mark, guard)"
    if one.mode != "apply" or one.verdict == Verdict.PLANNED:
        return "plans"
    if one.changed is None and one.verdict == Verdict.UNKNOWN:
        return "not known whether the stack was changed"
    return "changed nothing (refused, stopped, or nothing to do)"


def _usages(runs: Sequence[Ran]) -> tuple[Usage, ...]:
    by_procedure: dict[str, list[Ran]] = {}
    for one in runs:
        by_procedure.setdefault(one.procedure, []).append(one)
    found = [_usage(name, of_one) for name, of_one in by_procedure.items()]
    return tuple(sorted(found, key=lambda usage: (-usage.runs, usage.procedure)))


def _usage(procedure: str, runs: Sequence[Ran]) -> Usage:
    ended = Counter(one.verdict for one in runs)
    known = [one for one in runs if one.healthy is not None]
    times = tuple((one.opened, float(one.healthy or 0)) for one in known)
    return Usage(
        procedure, len(runs), ended[Verdict.SUCCEEDED], ended[Verdict.RESTORED], ended[Verdict.PARTLY],
        len(runs) - sum(ended[verdict] for verdict in _APPLIED), _healing(known), times,
    )  # fmt: skip


def _healing(known: Sequence[Ran]) -> Healing:
    if not known:
        return Healing(0, None, None, "", None)
    seconds = [float(one.healthy or 0) for one in known]
    worst = max(range(len(known)), key=lambda number: seconds[number])
    return Healing(len(known), median(seconds), seconds[worst], known[worst].incident, trend(seconds))


def trend(seconds: Sequence[float]) -> Trend | None:
    """The trend of the NEWEST of these times, oldest first, by the test of Mann and Kendall; None if there are fewer than FEWEST."""
    known = seconds[-NEWEST:]
    many = len(known)
    if many < FEWEST:
        return None
    rising = sum((later > earlier) - (later < earlier) for number, earlier in enumerate(known) for later in known[number + 1 :])
    sure = (abs(rising) - 1) / sqrt(many * (many - 1) * (2 * many + 5) / 18) >= _SURE
    word = "steady" if not sure else "slower" if rising > 0 else "faster"
    return Trend(word, median(known[: many // 2]), median(known[many // 2 :]))


def _days(records: Sequence[Ran], drilled: Sequence[Ran]) -> tuple[Day, ...]:
    """The days on which anything was practised, oldest first."""
    found: dict[str, Day] = {}
    for one in records:
        if one.procedure == READINESS and one.verdict != OPEN:
            day = found.setdefault(one.opened[:10], Day(one.opened[:10]))
            day.ready += one.verdict == Verdict.READY
            day.not_ready += one.verdict != Verdict.READY
    for one in drilled:
        day = found.setdefault(one.opened[:10], Day(one.opened[:10]))
        day.drills += 1
        day.failed_drills += one.verdict != Verdict.SUCCEEDED
    return tuple(found[day] for day in sorted(found))


def _failures(needed: Sequence[Ran], seen: Sequence[Ran]) -> Iterator[Failure]:
    """The failures among the runs that were needed, oldest first. `seen` are all records."""
    cures: dict[tuple[str, str], list[Ran]] = {}
    for one in sorted(filter(cured, seen), key=lambda one: one.ended):
        if not one.practice:
            cures.setdefault((one.host, one.stack), []).append(one)
    for one in filter(lambda one: one.failed, needed):
        told = Failure(one.opened, one.incident, one.procedure, one.stack, one.failed)
        known = cures.get((one.host, one.stack), [])
        first = bisect_left(known, one.failed_at, key=lambda cure: cure.ended)
        for cure in known[first : first + 1]:
            after = datetime.fromisoformat(cure.ended) - datetime.fromisoformat(one.failed_at)
            if after <= MENDED_WITHIN:
                told = replace(told, mended_by=cure.incident, mended_with=cure.procedure, after=after.total_seconds())
        yield told


def cured(one: Ran) -> bool:
    """Whether the run brought its stack to health, as far as its record says. Older ones only say that it succeeded."""
    if one.verdict != Verdict.SUCCEEDED or not touched(one):
        return False
    return one.changed is None or one.healthy is not None
