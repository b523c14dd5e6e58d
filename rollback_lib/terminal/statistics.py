"""Statistics on a terminal."""

from collections.abc import Iterator, Sequence

from rollback_lib.record.statistics import Statistics
from rollback_lib.report import figures
from rollback_lib.terminal.line import Line, Tone
from rollback_lib.text import tables

DAYS, FAILURES = 14, 10  # rows shown, the newest


def lines(known: Statistics) -> Iterator[Line]:
    """All figures, as tables."""
    yield Line(figures.counted(known), depth=0)
    yield from _table("Rollbacks that were needed, and their time to healthy", figures.USAGE, figures.usages(known.needed))
    yield from _part("Not counted", figures.left_out(known))
    yield from _table("Drills, on practice hosts, and their time to healthy", figures.USAGE, figures.usages(known.drills))
    yield from _table("Practised, day by day", figures.DAYS, figures.days(known.days), DAYS)
    yield from _table("Failures", figures.FAILURES, figures.failures(known.failures), FAILURES, figures.mended(known))


def _table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]], most: int | None = None, said: str = "") -> Iterator[Line]:
    shown = tables.lines([headers, *rows[:most]]) if rows else ["none"]
    left = [f"… {tables.count(len(rows) - most, 'older row')}, with --json"] if most is not None and len(rows) > most else []
    yield from _part(title, [*([said] if said else []), *shown, *left] if rows or not said else [said])


def _part(title: str, texts: Sequence[str]) -> Iterator[Line]:
    yield Line("", depth=0)
    yield Line(title, Tone.TITLE, depth=0)
    yield from (Line(text, depth=1) for text in texts or ["none"])
