"""Times and durations as text. Times are shown in UTC, whatever the time zone of the host or of this machine; `local` is only for beside.
Durations are in seconds."""

import re
from datetime import UTC, date, datetime

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))
_SPAN = re.compile(r"([1-9]\d{0,4})([smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def clock(at: datetime) -> str:
    """The time of day: 03:12:04."""
    return f"{at.astimezone(UTC):%H:%M:%S}"


def exact_clock(at: datetime) -> str:
    """The time of day to a thousandth of a second: 03:12:04.250."""
    return f"{at.astimezone(UTC):%H:%M:%S.%f}"[:-3]


def day(at: datetime) -> str:
    """The day: 2026-11-24."""
    return f"{at.astimezone(UTC):%Y-%m-%d}"


def today() -> date:
    """The day that it is now, in UTC."""
    return datetime.now(UTC).date()


def day_folder(at: date) -> str:
    """The day as folders are named after it: 2026/11/24. Of a time, its day in UTC is meant."""
    return f"{at.astimezone(UTC) if isinstance(at, datetime) else at:%Y/%m/%d}"


def compact(at: datetime) -> str:
    """Hours, minutes and seconds (UTC) without signs between them, for names of files: 201533Z."""
    return f"{at.astimezone(UTC):%H%M%S}Z"


def minute(at: datetime) -> str:
    """The day and the time: 2026-11-24 03:12 UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def second(at: datetime) -> str:
    """The day and the time to the second, for a column that has UTC in its heading: 2026-11-24 03:12:04."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def zone(at: datetime) -> str:
    """What the time zone of this machine is called at that time: CET. "" if it is UTC."""
    local = at.astimezone()
    return f"{local:%Z}" if local.utcoffset() else ""


def local(at: datetime) -> str:
    """The day and the time to the second in the time zone of this machine, for a column that has the zone in its heading."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def here(at: datetime) -> str:
    """The time of day in UTC, and beside it that of this machine where it is another: 03:12:04 UTC (04:12:04 CET)."""
    return f"{clock(at)} UTC" + (f" ({at.astimezone():%H:%M:%S} {zone(at)})" if zone(at) else "")


def beside(at: datetime) -> str:
    """The time of this machine, to stand beside that in UTC: " (04:12 CET)", with the day where it is another; "" if it is the same."""
    local = at.astimezone()
    other = "" if local.date() == at.astimezone(UTC).date() else f"{local:%Y-%m-%d} "
    return f" ({other}{local:%H:%M} {zone(at)})" if zone(at) else ""


def ago(when: datetime, now: datetime | None = None) -> str:
    """How long ago, in the largest unit that fits: 3 h ago."""
    return f"{roughly(max(((now or datetime.now(UTC)) - when).total_seconds(), 0))} ago"


def roughly(seconds: float) -> str:
    """A duration in the largest unit that fits: 3 h."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return about(seconds)


def exactly(seconds: float) -> str:
    """A duration that was measured: 12.3 s."""
    return f"{seconds:.1f} s"


def about(seconds: float) -> str:
    """A duration in whole seconds: 12 s."""
    return f"{seconds:.0f} s"


def given(seconds: float) -> str:
    """A duration that a person set, with the digits that were given: 60 s, 7.5 s."""
    return f"{seconds:.10g} s"


def span(text: str) -> float | None:
    """The seconds in a duration as a person writes it: 90s, 10m, 1h. None if it is no such text."""
    found = _SPAN.fullmatch(text)
    return float(int(found[1]) * _SECONDS[found[2]]) if found else None


def against(seconds: float, budget: float) -> str:
    """A measured duration, and whether it is within the budget: 12.3 s, within the budget of 60 s."""
    return f"{exactly(seconds)}, {'within' if seconds <= budget else 'over'} the budget of {given(budget)}"


def of_budget(seconds: float, budget: float) -> str:
    """A measured duration and the budget: 12.3 s of 60 s."""
    return f"{exactly(seconds)} of {given(budget)}"
