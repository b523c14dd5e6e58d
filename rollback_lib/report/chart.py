"""A chart of health over time as a static SVG, which GitHub, nbconvert and the report show without change.

It is drawn by hand: a plotting library takes longer to import than a rollback takes, and it draws for one theme only.
"""

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rollback_lib.health.outage import Outage, Outages, Tick
from rollback_lib.text import times

WIDTH, LANE, LEFT, TOP, FOOT = 720, 36, 110, 34, 18  # pixels
GOOD, BAD, AMBER, BLUE = "#1a7f37", "#cf222e", "#9a6700", "#2f81f7"
GREY = "#767676"  # readable on light and on dark, since an image does not know the theme
_WORD = f'fill="{GREY}"'
_NEAR = timedelta(minutes=1)  # a change that came so long before the rest is drawn, however short the rest is
_APART = 40  # pixels between two changes that have labels of their own
_ROWS = 3  # of labels above the lanes
_CLOCK = 120  # seconds from which on the scale has times of the day
_LATE = 6  # pixels from which on it is drawn how long an answer took
_LETTER = 6.5  # pixels: the average width of a letter in a text of size 10 in DejaVu Sans, the widest of the usual fonts, and some room


@dataclass(frozen=True)
class Span:
    """A step, from its begin to its end. `ok` is None if its end is not known."""

    name: str
    begin: datetime
    end: datetime
    ok: bool | None


def timeline(
    ticks: Sequence[Tick], outages: Outages, marks: Sequence[tuple[datetime, str]] = (), spans: Sequence[Span] = (),
    budget: tuple[datetime, float] | None = None, changes: Sequence[tuple[datetime, str]] = (), lane: str = "steps",
) -> str:  # fmt: skip
    """The chart as SVG; "" if there is nothing to draw. It has a lane for the steps (`spans`), one for `changes` made on the host, and one
    for each route, with a tick for each probe that passed and a cross for each that failed.

    `outages` are those of the whole run, and may begin before the chart. `marks` are times with a label. `budget` is when the run began
    and how many seconds it may take; the end of the budget is drawn if it is within the chart. `changes` are times with a word or two;
    those from long before the rest stand at its left edge. `lane` is what the lane of `spans` is called.
    """
    routes = sorted({tick.route for tick in ticks})
    moments = [tick.at for tick in ticks] + [at for at, _ in marks] + [at for span in spans for at in (span.begin, span.end)]
    if not moments:
        return ""
    first, last = min(moments), max(max(moments), min(moments) + timedelta(seconds=0.1))
    near = [(at, word) for at, word in sorted(changes) if at >= first - max(last - first, _NEAR)]
    axis = _Axis(min([first, *(at for at, _ in near)]), last)
    above = ([lane] if spans else []) + (["changes"] if changes else [])
    height = TOP + LANE * len([*above, *routes]) + FOOT
    shapes = [*_marks(axis, marks, height)]
    for number, name in enumerate([*above, *routes]):
        y = TOP + LANE * number + LANE / 2
        shapes.append(f'<text x="0" y="{y + 4:.0f}" font-size="12" {_WORD}>{html.escape(name)}</text>')
        if number >= len(above):
            for outage in (failure for failure in outages.routes if failure.route == name):
                shapes += _bands(axis, outage, y)
            for tick in (probe for probe in ticks if probe.route == name):
                shapes += _tick(axis.x(tick.at), axis.x(min(tick.answered, axis.end)), y, tick.ok)
        elif name == lane:
            shapes += _spans(axis, spans, y)
        else:
            shapes += _changes(axis, near, len(changes) - len(near), y)
    if budget and budget[0] + timedelta(seconds=budget[1]) < axis.end:
        shapes += _marks(axis, [(budget[0] + timedelta(seconds=budget[1]), "budget")], height)
    shapes += axis.scale(height)
    frame = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" font-family="system-ui, sans-serif"'
    frame += f' style="max-width:100%" role="img" aria-label="steps and routes over time: {html.escape(outages.words)}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>{"".join(shapes)}</svg>'


@dataclass(frozen=True)
class _Axis:
    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()

    def x(self, at: datetime) -> float:
        return LEFT + (WIDTH - LEFT - 12) * (at - self.start).total_seconds() / self.seconds

    def scale(self, height: int) -> Iterator[str]:
        for share, anchor in ((0.0, "middle"), (0.5, "middle"), (1.0, "end")):
            place = LEFT + (WIDTH - LEFT - 12) * share
            seconds = self.seconds * share
            said = times.exactly(seconds) if self.seconds < _CLOCK else f"{times.clock(self.start + timedelta(seconds=seconds))} UTC"
            yield f'<text x="{place:.0f}" y="{height - 4}" font-size="10" {_WORD} text-anchor="{anchor}">{said}</text>'


def _marks(axis: _Axis, marks: Sequence[tuple[datetime, str]], height: int) -> Iterator[str]:
    for number, (at, word) in enumerate(marks):
        x, top = axis.x(at), 10 + 11 * (number % 2)  # alternating heights, so that labels of neighbouring marks do not overlap
        yield f'<path d="M{x:.1f} {top + 3}V{height - FOOT}" stroke="{GREY}" stroke-dasharray="3 3"/>'
        yield f'<text x="{x:.1f}" y="{top}" font-size="10" {_WORD} text-anchor="middle">{html.escape(word)}</text>'


def _changes(axis: _Axis, changes: Sequence[tuple[datetime, str]], earlier: int, y: float) -> Iterator[str]:
    """A mark for each change, with one label for those that cannot be told apart. `earlier` is how many came too long before."""
    together: list[tuple[float, list[str]]] = []
    for at, word in changes:
        x = axis.x(at)
        if not together or x - together[-1][0] > _APART:
            together.append((x, []))
        if word not in together[-1][1]:
            together[-1][1].append(word)
    if earlier:
        yield f'<text x="{LEFT}" y="{y + 14:.0f}" font-size="10" {_WORD}>◀ {earlier} earlier</text>'
    for number, (x, words) in enumerate(together):
        said, below = html.escape(", ".join(words)), 14 if number % 2 else -8
        anchor = "end" if x > 0.7 * WIDTH else "start"
        yield f'<path d="M{x:.1f} {y - 5}l5 5l-5 5l-5 -5z" fill="{GREY}"/>'
        yield f'<text x="{x:.1f}" y="{y + below:.0f}" font-size="10" {_WORD} text-anchor="{anchor}">{said}</text>'


def _spans(axis: _Axis, spans: Sequence[Span], y: float) -> Iterator[str]:
    ends = [0.0] * _ROWS  # where the last label of each row ends
    for span in spans:
        x, width = axis.x(span.begin), max(axis.x(span.end) - axis.x(span.begin), 2.0)
        colour = GOOD if span.ok else BAD if span.ok is False else AMBER
        sign = "✔" if span.ok else "✘" if span.ok is False else "?"
        words = f"{sign} {span.name}"
        long = _LETTER * len(words)
        anchor = "end" if x + long > WIDTH else "start"
        begins = x - long if anchor == "end" else x
        row = next((number for number, end in enumerate(ends) if end <= begins), ends.index(min(ends)))
        ends[row], top = begins + long, 9 + 10 * row
        yield f'<rect x="{x:.1f}" y="{y - 7}" width="{width:.1f}" height="14" fill="{colour}" opacity=".75"/>'
        yield f'<text x="{x:.1f}" y="{top}" font-size="10" {_WORD} text-anchor="{anchor}">{html.escape(words)}</text>'
        yield f'<path d="M{x:.1f} {top + 2}V{y - 7}" stroke="{GREY}" opacity=".5"/>'


def _bands(axis: _Axis, outage: Outage, y: float) -> Iterator[str]:
    """A band for each time in which the route failed, and one label for all of them with the words of the record. What failed before the
    run has another colour than what the run made fail."""
    colour = BAD if outage.before else AMBER
    seen = [(max(span.begin, axis.start), min(span.end, axis.end)) for span in outage.spans]
    bands = [(axis.x(begin), max(axis.x(end) - axis.x(begin), 8.0)) for begin, end in seen if begin <= end]
    for x, width in bands:
        yield f'<rect x="{x - 4:.1f}" y="{y - 20:.1f}" width="{width + 4:.1f}" height="30" fill="{colour}" opacity=".2"/>'
    if bands:
        half = len(outage.words) * _LETTER / 2
        middle = (bands[0][0] + sum(bands[-1])) / 2
        x = min(max(middle, LEFT + half), WIDTH - half)
        yield f'<text x="{x:.1f}" y="{y - 11:.1f}" font-size="10" {_WORD} text-anchor="middle">{outage.words}</text>'


def _tick(x: float, answered: float, y: float, ok: bool) -> Iterator[str]:
    """A probe where it was sent; and if its answer came clearly later, a line to there. While a container starts, a proxy may hold a
    request that then passes, and refuse one that was sent after it."""
    if answered - x > _LATE:
        yield f'<path d="M{x:.1f} {y}H{answered:.1f}" stroke="{GOOD if ok else BAD}" opacity=".5"/>'
    if ok:
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 4}" y2="{y + 4}" stroke="{GOOD}" stroke-width="2"/>'
    else:
        yield f'<path d="M{x - 4:.1f} {y - 8}l8 16m0-16l-8 16" stroke="{BAD}" stroke-width="2" fill="none"/>'
