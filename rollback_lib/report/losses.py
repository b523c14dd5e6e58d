"""What a database rollback loses, as a static SVG: for each table that differs, its rows as they were and as they are in the backup."""

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rollback_lib.report.chart import AMBER, BLUE, GREY, WIDTH
from rollback_lib.report.summary import Events
from rollback_lib.text import tables, times

SHOWN = 20  # tables
_NAMES, _BARS, _LANE = 200, 220, 44  # pixels: for the names of tables, for the longest bar, for a table
_LONGEST = 28  # characters of the name of a table


@dataclass(frozen=True)
class Side:
    """A table in one database: its rows, None if they are not known, whether they were counted, and its newest moment in words, "" if it
    has none."""

    rows: int | None
    exact: bool
    newest: str

    @property
    def words(self) -> str:
        known = "rows not known" if self.rows is None else f"{'' if self.exact else '≈ '}{tables.count(self.rows, 'row')}"
        return f"{known}, newest {self.newest}" if self.newest else known


@dataclass(frozen=True)
class Loss:
    """A table that differs, or may: in the database that is live, and in the backup; None where it is not there."""

    table: str
    live: Side | None
    backup: Side | None


def found(events: Events) -> list[Loss]:
    """The tables that differ, as the newest list of losses that was shown had them."""
    shown = max((number for number, event in enumerate(events) if event["event"] == "loss-shown"), default=-1)
    looked = next((event["found"] for event in reversed(events[: max(shown, 0)]) if event["event"] == "looked"), None)
    if not isinstance(looked, Mapping):
        return []
    several = looked.get("databases")
    return [
        Loss(f"{one['name']}: {loss['table']}" if several else loss["table"], _side(loss["old"]), _side(loss["new"]))
        for one in (several or [looked])
        for loss in one.get("tables", ())
        if _differs(loss["old"], loss["new"])
    ]


def picture(losses: Sequence[Loss]) -> str:
    """Two bars for each table, the live one above; "" if no table differs. Each pair has a scale of its own."""
    if not losses:
        return ""
    shapes = [shape for number, loss in enumerate(losses[:SHOWN]) for shape in _bars(loss, 4 + _LANE * number)]
    height = 4 + _LANE * min(len(losses), SHOWN)
    if len(losses) > SHOWN:
        shapes.append(f'<text x="0" y="{height + 12}" font-size="11" fill="{GREY}">{len(losses) - SHOWN} more, in the timeline</text>')
        height += 18
    said = "; ".join(f"{loss.table}: {_words(loss.live)} before, {_words(loss.backup)} in the backup" for loss in losses[:SHOWN])
    frame = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" font-family="system-ui, sans-serif" style="max-width:100%"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {frame} role="img" aria-label="{html.escape(said)}">{"".join(shapes)}</svg>'


def _bars(loss: Loss, top: int) -> Iterator[str]:
    most = max([side.rows or 0 for side in (loss.live, loss.backup) if side] + [1])
    name = loss.table if len(loss.table) <= _LONGEST else f"…{loss.table[1 - _LONGEST :]}"
    yield f'<text x="0" y="{top + 21}" font-size="12" fill="{GREY}">{html.escape(name)}</text>'
    for number, (side, colour, word) in enumerate(((loss.live, AMBER, "before"), (loss.backup, BLUE, "backup"))):
        y, wide = top + 17 * number, max(_BARS * (side.rows or 0) / most, 1.0) if side else 0.0
        if side:
            yield f'<rect x="{_NAMES}" y="{y + 3}" width="{wide:.1f}" height="11" fill="{colour}"/>'
        said = html.escape(f"{word}: {_words(side)}")
        yield f'<text x="{_NAMES + wide + 8:.1f}" y="{y + 13}" font-size="11" fill="{GREY}">{said}</text>'


def _words(side: Side | None) -> str:
    return side.words if side else "not there"


def _side(known: Mapping[str, Any] | None) -> Side | None:
    if known is None:
        return None
    newest = times.second(datetime.fromisoformat(known["newest"])) if known.get("newest") else ""
    return Side(known.get("rows"), bool(known.get("exact", True)), newest)


def _differs(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> bool:
    """Whether the sides differ. Where rows were only estimated, nobody knows."""
    if old is None or new is None or not (old.get("exact", True) and new.get("exact", True)):
        return True
    return any(old.get(key) != new.get(key) for key in ("rows", "newest", "columns"))
