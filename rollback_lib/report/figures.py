"""Statistics as rows of words, the same on a terminal, in the page and in JupyterLab."""

from collections.abc import Sequence
from datetime import datetime

from rollback_lib.record.statistics import FEWEST, Day, Failure, Healing, Statistics, Trend, Usage
from rollback_lib.text import tables, times

USAGE = ("procedure", "runs", "succeeded", "put back", "partly", "unknown", "n", "median", "worst", "trend")
DAYS = ("day (UTC)", "ready", "not ready", "drills", "failed drills")
FAILURES = ("opened (UTC)", "incident", "procedure", "stack", "verdict", "mended by", "after")
NOTHING = "–"


def usages(known: Sequence[Usage]) -> list[tuple[str, ...]]:
    """A row for each procedure: how often it ran, how these runs ended, and its times to healthy."""
    counts = ((one, (one.runs, one.succeeded, one.restored, one.partly, one.unknown)) for one in known)
    return [(one.procedure, *map(str, many), *_healing(one.healing)) for one, many in counts]


def _healing(one: Healing) -> tuple[str, str, str, str]:
    if one.median is None or one.worst is None:
        return "0", NOTHING, NOTHING, NOTHING
    return str(one.known), times.exactly(one.median), f"{times.exactly(one.worst)} ({one.incident})", trend(one.trend)


def trend(one: Trend | None) -> str:
    """A trend in words."""
    return f"{one.word}: {times.exactly(one.before)} → {times.exactly(one.after)}" if one else f"fewer than {FEWEST}"


def days(known: Sequence[Day]) -> list[tuple[str, ...]]:
    """A row for each day, the newest first."""
    return [(one.day, *map(str, (one.ready, one.not_ready, one.drills, one.failed_drills))) for one in reversed(known)]


def failures(known: Sequence[Failure]) -> list[tuple[str, ...]]:
    """A row for each failure, the newest first."""
    return [
        (times.minute(datetime.fromisoformat(one.opened)).removesuffix(" UTC"), one.incident, one.procedure, one.stack, one.verdict,
         _cure(one), NOTHING if one.after is None else times.roughly(one.after))
        for one in reversed(known)
    ]  # fmt: skip


def _cure(one: Failure) -> str:
    if not one.mended_by:
        return "not known"
    return "itself, resumed" if one.mended_by == one.incident else f"{one.mended_with} {one.mended_by}"


def counted(known: Statistics) -> str:
    """How many records there are, and of which days."""
    if not known.records:
        return "No record."
    return f"{tables.count(known.records, 'record')}, opened {known.first} to {known.last} (UTC)."


def left_out(known: Statistics) -> list[str]:
    """A line for each reason for which runs do not count as needed."""
    return [f"{why}: {many:,}" for why, many in known.left_out.items()]


def mended(known: Statistics) -> str:
    """How many failures were mended later."""
    if not known.failures:
        return "No run that was needed failed."
    return f"{len(known.mended)} of {tables.count(len(known.failures), 'failure')} mended by a later run within a day."
