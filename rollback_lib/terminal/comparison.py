"""What differs between two records, on a terminal: what only the first has in red, what only the second has in green."""

from collections.abc import Iterator

from rollback_lib.report.comparison import Comparison, Difference, Part
from rollback_lib.terminal.line import Line, Tone
from rollback_lib.text import tables

ROWS, LINES = 20, 12  # differences of a part, and lines of a text, that are shown


def lines(known: Comparison) -> Iterator[Line]:
    """Every part in which something differs; at the end, what is the same."""
    yield Line(f"- {known.first}", Tone.REMOVED, depth=0)
    yield Line(f"+ {known.second}", Tone.ADDED, depth=0)
    for part in known.parts:
        if part.differences or part.said:
            yield from _part(part)
    same = [part.title for part in known.parts if part.same and not part.differences]
    if same:
        yield Line("", depth=0)
        yield Line(f"The same in both: {'; '.join(same)}.", depth=0)


def _part(part: Part) -> Iterator[Line]:
    yield Line("", depth=0)
    yield Line(part.title, Tone.TITLE, depth=0)
    if part.said:
        yield Line(part.said, Tone.WARN)
    for one in part.differences[:ROWS]:
        yield from _difference(one)
    left = len(part.differences) - ROWS
    notes = [f"{tables.count(left, 'more difference')} with --json"] if left > 0 else []
    notes += [f"{tables.count(part.same, 'other')} the same"] if part.same else []
    if notes:
        yield Line(f"… {', '.join(notes)}")


def _difference(one: Difference) -> Iterator[Line]:
    yield Line(one.name, Tone.PLAIN)
    for sign, text, tone in (("-", one.first, Tone.REMOVED), ("+", one.second, Tone.ADDED)):
        known = text.splitlines()
        yield from (Line(line, tone, name=f"{sign} ", depth=2) for line in known[:LINES])
        if len(known) > LINES:
            yield Line(f"… {tables.count(len(known) - LINES, 'more line')} with --json", depth=3)
