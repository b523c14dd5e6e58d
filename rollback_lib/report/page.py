"""The report of a record: a single HTML file, with the verdict first. It loads no other file and runs no script."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollback_lib.record.state import Attempt, RunState, moment
from rollback_lib.report import brief, chart, diff, losses, rendering, summary
from rollback_lib.report.head import Head
from rollback_lib.report.summary import Events
from rollback_lib.text import times

_EMPTY = "nothing"
_ANSWERED = {True: "✔ answered", False: "▲ open"}
_SIGNS = {"green": "✔", "amber": "▲", "red": "✘"}
_FILES = {"plan.diff": "What changes", "plan.sh": "The plan", "undo.sh": "The way back"}


@dataclass(frozen=True)
class Column:
    """A column of a table. `short`: its cells stay on one line. `sentences`: its cells are sentences of this program, with code between
    backticks; other cells are shown as they are."""

    header: str = ""
    short: bool = False
    sentences: bool = False


SIGN, VALUE, WORDS = Column(short=True), Column(), Column(sentences=True)


@dataclass(frozen=True)
class Table:
    """A table with a title. Each row has as many cells as there are columns."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]

    @property
    def headed(self) -> bool:
        """Whether any column has a header."""
        return any(column.header for column in self.columns)


@dataclass(frozen=True)
class File:
    """A file of the record, shown without change; or, if it is a diff, as what it changes in each file."""

    title: str
    text: str
    changed: Sequence[diff.File] = ()


def html(record: Mapping[str, Any], events: Events, folder: Path, outage: str = "") -> str:
    """The page, made from a record.json, its events, and the other files in its folder. `outage` is the picture of all runs at the outage,
    "" for none."""
    from markupsafe import Markup

    word = "" if record.get("found") else " rollback"
    steps, outages = RunState.of(events).ran, summary.outages(events)
    return rendering.render(
        "report",
        head=Head.of(record, f"{record.get('procedure', '')}{word} {record.get('incident', '')}"),
        short="" if record.get("found") else brief.sentences(record, events),
        left=[str(action) for action in record.get("next", ())],
        chart=Markup(picture(record, events)),  # `chart` escapes every text in it
        around=Markup(outage),
        outage=outages.words,
        losses=Markup(losses.picture(losses.found(events))),
        tables=[table for table in _tables(record, events, steps) if table.rows],
        steps=steps,
        files=list(_files(folder)),
    )  # fmt: skip


def picture(record: Mapping[str, Any], events: Events) -> str:
    """Steps, changes and routes over time, as a static SVG; "" if there is nothing to draw."""
    agreed = RunState.of(events).agreed
    began = (agreed or moment(events[0]), float(record["budget"])) if events and record.get("budget") else None
    ticks, outages, changes = summary.ticks(events), summary.outages(events), summary.changes(events)
    return chart.timeline(ticks, outages, spans=summary.spans(events), budget=began, changes=changes)


def overview(runs: Sequence[tuple[str, Events]]) -> str:
    """Several runs at one outage, each with what it is called, over time with the routes and the changes on the host; "" if none has
    events."""
    spans = [summary.run_span(name, events) for name, events in runs if events]
    known = [events for _, events in runs]
    changes = dict.fromkeys(change for events in known for change in summary.changes(events))
    ticks = [tick for events in known for tick in summary.ticks(events)]
    return chart.timeline(ticks, summary.outages_in(known), spans=spans, changes=list(changes), lane="runs")


def _tables(record: Mapping[str, Any], events: Events, steps: Sequence[Attempt]) -> Iterator[Table]:
    yield from _found(record.get("found", {}))
    effects = [(effect["name"], effect["asked"], effect["found"], _sign(effect)) for effect in record.get("effects", ())]
    yield Table("After: asked for and found", (VALUE, Column("asked for"), Column("found"), SIGN), effects)
    points = [(_ANSWERED[bool(point["answered"])], point["question"], point["answer"]) for point in summary.checklist(events)]
    yield Table("The checklist before it", (SIGN, WORDS, Column("what was known", sentences=True)), points)
    yield Table("How far it came", (Column("step", short=True), WORDS, Column("took", short=True)), _steps(record, steps))
    before = [(name, str(value) or _EMPTY) for name, value in record.get("before", {}).items()]
    yield Table("Before", (VALUE, VALUE), before)
    told = [(times.exact_clock(at), words) for at, words in summary.timeline(events)]
    yield Table("Timeline (UTC)", (SIGN, WORDS), told)


def _steps(record: Mapping[str, Any], steps: Sequence[Attempt]) -> list[tuple[str, str, str]]:
    """A row for each step: its name, how far it came, and how long it took."""
    last = {attempt.step: attempt for attempt in steps}
    rows = []
    for name, word in record.get("steps", {}).items():
        ran = last.get(name)
        ended = f": {ran.words}" if ran and not ran.ok else ""
        rows.append((name, f"{word}{ended}", ran.took if ran else ""))
    return rows


def _sign(effect: Mapping[str, Any]) -> str:
    if not effect["ok"]:
        return "✘"
    return "✔" if effect["asked"] == effect["found"] else "–"


def _found(found: Mapping[str, Any]) -> Iterator[Table]:
    """The result of a run that only looked: how well the rows of the decision tree fit, and the rows that are green, amber or red."""
    if found and not found.get("healthy"):
        rows = [
            (finding["fit"], finding["situation"], "; ".join(finding["for"]), "; ".join(finding["against"]))
            for finding in found.get("findings", ())
        ]
        speaks = Column("what speaks for it", sentences=True), Column("what speaks against it", sentences=True)
        yield Table("Which row of the page fits", (SIGN, WORDS, *speaks), rows)
    levels = [(f"{_SIGNS[row['level']]} {row['level']}", row["name"], row["found"], row["do"]) for row in found.get("rows", ())]
    yield Table("How it is", (SIGN, VALUE, WORDS, Column("what to do", sentences=True)), levels)


def _files(folder: Path) -> Iterator[File]:
    for name, title in _FILES.items():
        file = folder / name
        text = file.read_text() if file.exists() else ""
        if text.strip():
            yield File(f"{title} ({name})", text, diff.files(text) if name == "plan.diff" else ())
