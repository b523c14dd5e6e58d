"""Charts of statistics, as static SVG that fits every theme: times to healthy, how often procedures were needed, what was practised."""

import html
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from rollback_lib.record.statistics import Day, Usage
from rollback_lib.report.chart import AMBER, BAD, BLUE, FOOT, GOOD, GREY, LEFT, WIDTH
from rollback_lib.text import tables, times

DOTS = 200  # of a lane: the newest times
SHOWN_DAYS = 91  # of the chart of days: the newest quarter of a year
SHORT_DAYS = 30  # of the small one
PRACTISED = ("readiness", "drills")  # its rows
_ROW, _LANE, _BAR = 24, 46, 14  # pixels
_COLUMN = 6  # pixels for a day in the small chart
_GAP = 18  # pixels between two charts that are drawn together
_RIGHT = 190  # pixels for what stands beside a lane
_WORD = f'fill="{GREY}"'


def healing(usages: Sequence[Usage]) -> str:
    """A lane for each procedure, with a dot for each time to healthy, from the oldest to the newest, and a dashed line at the median. Each
    lane has its own scale. "" if no time is known."""
    known = [one for one in usages if one.times]
    shapes = [shape for number, one in enumerate(known) for shape in _lane(one, 6 + _LANE * number)]
    said = ", ".join(f"{one.procedure} {times.exactly(one.healing.median or 0)}" for one in known)
    return _drawn(shapes, 6 + _LANE * len(known), f"times to healthy; medians: {said}") if known else ""


def _lane(one: Usage, top: int) -> Iterator[str]:
    shown, worst, median = one.times[-DOTS:], one.healing.worst or 0.0, one.healing.median or 0.0
    most = max(worst if len(one.times) <= DOTS else max(seconds for _, seconds in shown), 0.001)
    low, span, width = top + _LANE - 10, _LANE - 18, WIDTH - LEFT - _RIGHT

    def y(seconds: float) -> float:
        return low - span * min(seconds / most, 1)

    yield f'<text x="0" y="{low - span / 2 + 4:.0f}" font-size="12" {_WORD}>{html.escape(one.procedure)}</text>'
    yield f'<path d="M{LEFT} {low + 4}H{LEFT + width}" stroke="{GREY}" opacity=".35"/>'
    yield f'<path d="M{LEFT} {y(median):.1f}H{LEFT + width}" stroke="{GREY}" stroke-dasharray="3 3"/>'
    for number, (_, seconds) in enumerate(shown):
        x = LEFT + width * (number + 0.5) / len(shown)
        yield f'<circle cx="{x:.1f}" cy="{y(seconds):.1f}" r="{3 if len(shown) <= 60 else 2}" fill="{BLUE}"/>'
    words = f"median {times.exactly(median)} of {one.healing.known}", f"worst {times.exactly(worst)}"
    for number, text in enumerate(words):
        yield f'<text x="{LEFT + width + 10}" y="{low - span / 2 - 1 + 13 * number:.0f}" font-size="11" {_WORD}>{text}</text>'


def needs(usages: Sequence[Usage]) -> str:
    """A bar for each procedure: how often it was needed, and how these runs ended. "" if none was."""
    if not usages:
        return ""
    most, width = max(one.runs for one in usages), WIDTH - LEFT - _RIGHT
    shapes = []
    for number, one in enumerate(usages):
        y = 6 + _ROW * number
        shapes.append(f'<text x="0" y="{y + 12}" font-size="12" {_WORD}>{html.escape(one.procedure)}</text>')
        x, failed = float(LEFT), one.restored + one.partly
        for many, colour in ((one.succeeded, GOOD), (failed, BAD), (one.unknown, AMBER)):
            wide = width * many / most
            if many:
                shapes.append(f'<rect x="{x:.1f}" y="{y}" width="{max(wide - 1, 1):.1f}" height="{_BAR}" fill="{colour}"/>')
            x += wide
        ended = ((one.succeeded, "✔"), (failed, "✘"), (one.unknown, "?"))
        words = f"{one.runs:,}:  " + "  ".join(f"{sign} {many:,}" for many, sign in ended if many)
        shapes.append(f'<text x="{x + 8:.1f}" y="{y + 12}" font-size="11" {_WORD}>{words}</text>')
    said = ", ".join(f"{one.procedure} {one.runs}" for one in usages)
    return _drawn(shapes, 6 + _ROW * len(usages), f"how often each procedure was needed: {said}")


def practice(days: Sequence[Day], until: date) -> str:
    """A column for each of the SHOWN_DAYS up to `until`, with a mark for readiness and one for drills: a bar if all ended well, a cross if
    one did not, a dot if there was none. "" if nothing was practised in that time."""
    first = until - timedelta(days=SHOWN_DAYS - 1)
    known = {one.day: one for one in days if str(first) <= one.day <= str(until)}
    if not known:
        return ""
    wide = (WIDTH - LEFT) / SHOWN_DAYS
    shapes = []
    for number, name in enumerate(PRACTISED):
        y = 14 + _ROW * number
        shapes.append(f'<text x="0" y="{y + 4}" font-size="12" {_WORD}>{name}</text>')
        for column in range(SHOWN_DAYS):
            one = known.get(str(first + timedelta(days=column)), Day(""))
            shapes.append(_mark(LEFT + wide * (column + 0.5), y, *_ended(one, name)))
    bottom = 14 + _ROW * 2
    for column in range(0, SHOWN_DAYS, 13):
        at = f'x="{LEFT + wide * (column + 0.5):.1f}" y="{bottom + 4}" font-size="10" text-anchor="{"end" if column > 80 else "middle"}"'
        shapes.append(f"<text {at} {_WORD}>{first + timedelta(days=column)}</text>")
    ready = sum(1 for one in known.values() if one.ready or one.not_ready)
    said = f"of {SHOWN_DAYS} days up to {until}: readiness on {ready}, {tables.count(sum(one.drills for one in known.values()), 'drill')}"
    return _drawn(shapes, bottom + FOOT - 8, said)


def practice_in_short(days: Sequence[Day], until: date) -> str:
    """The same for the SHORT_DAYS up to `until`, small enough for the cell of a table: readiness in the upper row, drills in the lower."""
    first = until - timedelta(days=SHORT_DAYS - 1)
    known = {one.day: one for one in days if str(first) <= one.day <= str(until)}
    shapes = [
        _mark(4 + _COLUMN * column, 9 + 18 * row, *_ended(known.get(str(first + timedelta(days=column)), Day("")), name))
        for row, name in enumerate(PRACTISED)
        for column in range(SHORT_DAYS)
    ]
    ready = sum(1 for one in known.values() if one.ready or one.not_ready)
    drills = sum(one.drills for one in known.values())
    said = f"the last {SHORT_DAYS} days: readiness on {tables.count(ready, 'day')}, {tables.count(drills, 'drill')}"
    return _drawn(shapes, 36, said, _COLUMN * SHORT_DAYS + 4)


def _ended(day: Day, practised: str) -> tuple[int, int]:
    """How often it ended well on that day, and how often not."""
    return (day.ready, day.not_ready) if practised == "readiness" else (day.drills - day.failed_drills, day.failed_drills)


def together(*drawn: str) -> str:
    """Charts of this module below each other, as one; "" if there is none."""
    known = [one for one in drawn if one]
    heights = [int(one.partition(f'viewBox="0 0 {WIDTH} ')[2].partition('"')[0]) for one in known]
    tops = [sum(heights[:number]) + _GAP * number for number in range(len(known))]
    placed = [one.replace("<svg ", f'<svg y="{top}" height="{height}" ', 1) for one, top, height in zip(known, tops, heights, strict=True)]
    return _drawn(placed, tops[-1] + heights[-1], "; ".join(map(label, known))) if known else ""


def label(drawn: str) -> str:
    """What a chart of this module says in words."""
    return html.unescape(drawn.partition('aria-label="')[2].partition('"')[0])


def _mark(x: float, y: int, well: int, ill: int) -> str:
    if ill:
        return f'<path d="M{x - 3:.1f} {y - 6}l6 12m0-12l-6 12" stroke="{BAD}" stroke-width="1.6"/>'
    if well:
        return f'<rect x="{x - 2:.1f}" y="{y - 7}" width="4" height="14" fill="{GOOD}"/>'
    return f'<circle cx="{x:.1f}" cy="{y}" r="1" fill="{GREY}" opacity=".6"/>'


def _drawn(shapes: Sequence[str], height: int, said: str, width: int = WIDTH) -> str:
    frame = f'viewBox="0 0 {width} {height}" width="{width}" font-family="system-ui, sans-serif" style="max-width:100%"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {frame} role="img" aria-label="{html.escape(said)}">{"".join(shapes)}</svg>'
