"""The page of statistics: a single HTML file, with a chart above each table. It loads no other file and runs no script."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from rollback_lib.record.statistics import Statistics
from rollback_lib.report import figures, history, rendering
from rollback_lib.report.page import SIGN, Column, Table
from rollback_lib.settings import PACKAGE, version
from rollback_lib.text import tables, times

ROWS = 14  # of the days, and of the failures: the newest


@dataclass(frozen=True)
class Section:
    """A part of the page: a chart, sentences that say how to read it, and a table. Each may be left out."""

    title: str
    chart: str
    sentences: Sequence[str]
    table: Table


def html(known: Statistics, stack: str = "", archive: str = "", today: date | None = None) -> str:
    """The page. `stack` and `archive` are those that were asked for, "" for any stack and for the folder of this machine."""
    from markupsafe import Markup

    until = today or times.today()
    where = f"of the archive {archive}" if archive else "of this folder"
    written = f"written: {times.minute(datetime.now(UTC))} · {PACKAGE} {version()}"
    sections = [one for one in _sections(known, until) if one.table.rows or one.sentences]
    return rendering.render(
        "statistics", title=f"Rollbacks of {stack or 'all stacks'}", said=f"{figures.counted(known)} The records {where}.", written=written,
        sections=[(one, Markup(one.chart)) for one in sections],  # `history` escapes every text in it
    )  # fmt: skip


def _sections(known: Statistics, until: date) -> list[Section]:
    usage = _columns(figures.USAGE)
    out = "; ".join(figures.left_out(known))
    days, failures = figures.days(known.days), figures.failures(known.failures)
    dots = "A dot for each run, from the oldest to the newest; the dashed line is the median; each lane has its own scale."
    return [
        Section("Time to healthy", history.healing(known.needed), [
            "From the confirmation of the plan to the moment at which the run was verified and every route was healthy.", dots,
        ], Table("", (), ())),
        Section("How often each procedure was needed", history.needs(known.needed), [
            "Runs that began to change a stack which serves users. ✔ succeeded, ✘ failed, ? not known.",
            "n: the runs of which the time to healthy is known." if known.needed else "",
            f"Not counted: {out}." if out else "",
        ], Table("", usage, figures.usages(known.needed))),
        Section("Drills", history.healing(known.drills), [dots] if known.drills else [], Table("", usage, figures.usages(known.drills))),
        Section("Practised, day by day", history.practice(known.days, until), [
            "A bar: all went well; a cross: one did not; a dot: none that day.", _left(days),
        ], Table("", _columns(figures.DAYS), days[:ROWS])),
        Section("Failures, and what mended them", "", [
            f"{figures.mended(known)} A later one is not taken as the cure.",
            _left(failures),
        ], Table("", _columns(figures.FAILURES), failures[:ROWS])),
    ]  # fmt: skip


def _columns(names: Sequence[str]) -> tuple[Column, ...]:
    return tuple(Column(name, short=SIGN.short) for name in names)


def _left(rows: Sequence[object]) -> str:
    return f"{tables.count(len(rows) - ROWS, 'older row')} with `rollback incidents stats --json`." if len(rows) > ROWS else ""
