"""Health over time as a static SVG, so that GitHub, nbconvert and the report show it as it is."""

import html
from collections.abc import Sequence
from datetime import datetime

from rollback_lib.notebook.view import View
from rollback_lib.probe import Probe

WIDTH, LANE, LEFT = 720, 26, 110


def health(probes: Sequence[Probe], marks: Sequence[tuple[datetime, str]] = ()) -> View:
    """A lane per route: a low tick for a pass, a tall cross for a failure; `marks` are moments with a word."""
    if not probes:
        return View("", "no probes yet")
    names = sorted({probe.route for probe in probes})
    start = min([probe.at for probe in probes] + [at for at, _ in marks])
    end = max(probe.at for probe in probes)
    span = max((end - start).total_seconds(), 0.1)
    height = 34 + LANE * len(names) + 18

    def x(at: datetime) -> float:
        return LEFT + (WIDTH - LEFT - 12) * (at - start).total_seconds() / span

    shapes = []
    for number, (at, word) in enumerate(marks):
        top = 10 + 11 * (number % 2)  # words of steps that follow close upon each other do not overlap
        shapes.append(f'<path d="M{x(at):.1f} {top + 3}V{height - 18}" stroke="currentColor" stroke-dasharray="3 3" opacity=".6"/>')
        shapes.append(f'<text x="{x(at):.1f}" y="{top}" font-size="10" fill="currentColor" text-anchor="middle">{html.escape(word)}</text>')
    for lane, name in enumerate(names):
        y = 34 + LANE * lane + LANE / 2
        shapes.append(f'<text x="0" y="{y + 4:.0f}" font-size="12" fill="currentColor">{html.escape(name)}</text>')
        for probe in (probe for probe in probes if probe.route == name):
            if probe.ok:
                shapes.append(
                    f'<line x1="{x(probe.at):.1f}" x2="{x(probe.at):.1f}" y1="{y - 4}" y2="{y + 4}" stroke="#1a7f37" stroke-width="2"/>'
                )
            else:
                shapes.append(f'<path d="M{x(probe.at) - 4:.1f} {y - 8}l8 16m0-16l-8 16" stroke="#cf222e" stroke-width="2" fill="none"/>')
    for share in (0.0, 0.5, 1.0):
        place = LEFT + (WIDTH - LEFT - 12) * share
        shapes.append(
            f'<text x="{place:.0f}" y="{height - 4}" font-size="10" fill="currentColor" text-anchor="middle">{span * share:.1f} s</text>'
        )
    frame = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" style="max-width:100%" role="img" aria-label="health over time"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>{"".join(shapes)}</svg>'
    lines = [f"{name}: " + "".join("." if probe.ok else "x" for probe in probes if probe.route == name) for name in names]
    return View(svg, f"health over {span:.1f} s (. pass, x failure)\n" + "\n".join(lines))
