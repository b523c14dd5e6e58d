"""A picture of what changed from one release to the next, as a static SVG: a lane for each thing, a column for each release."""

import html
from collections.abc import Iterator, Mapping, Sequence

from rollback_lib.report.chart import BAD, GREY, LANE, TOP, WIDTH

_LONGEST = 26  # characters of the name of a lane
_NAMES = 190  # pixels for the names of the lanes
_SHADES = ("#1a7f37", "#9a6700", "#8250df", "#0969da", "#bc4c00", "#1b7c83")  # readable on light and on dark


def picture(columns: Sequence[str], lanes: Mapping[str, Sequence[int | None]], bad: Sequence[bool] = ()) -> str:
    """The picture; "" if there is nothing to draw. `columns` are the labels of the releases, in the order of time. `lanes` gives for each
    thing which version of it each release has, None if that is not known: equal versions have the same letter and shade. `bad` marks
    releases that were found bad."""
    if not columns or not lanes:
        return ""
    width = (WIDTH - _NAMES) / len(columns)
    height = TOP + LANE * len(lanes)
    shapes = [*_labels(columns, bad, width)]
    for number, (name, versions) in enumerate(lanes.items()):
        y = TOP + LANE * number
        short = name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"
        shapes.append(f'<text x="0" y="{y + LANE / 2 + 4:.0f}" font-size="12" fill="{GREY}">{html.escape(short)}</text>')
        shapes += [_version(column, version, y, width) for column, version in enumerate(versions) if version is not None]
    frame = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" font-family="system-ui, sans-serif"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {frame} role="img">{"".join(shapes)}</svg>'


def letter(version: int | None) -> str:
    """The letter of a version: A for the first; "?" if it is not known."""
    return "?" if version is None else chr(ord("A") + version % 26)


def _labels(columns: Sequence[str], bad: Sequence[bool], width: float) -> Iterator[str]:
    for number, label in enumerate(columns):
        ill = number < len(bad) and bad[number]
        said, colour = (f"✘ {label}", BAD) if ill else (label, GREY)
        yield f'<text x="{_NAMES + width * number + 2:.0f}" y="{TOP - 12}" font-size="10" fill="{colour}">{html.escape(said)}</text>'


def _version(column: int, version: int, y: float, width: float) -> str:
    x, shade = _NAMES + width * column, _SHADES[version % len(_SHADES)]
    box = f'<rect x="{x:.0f}" y="{y + 4:.0f}" width="{width - 2:.0f}" height="{LANE - 8}" rx="3" fill="{shade}" fill-opacity=".25"/>'
    at = f'x="{x + width / 2 - 1:.0f}" y="{y + LANE / 2 + 4:.0f}"'
    return f'{box}<text {at} font-size="12" text-anchor="middle" fill="{shade}">{letter(version)}</text>'
