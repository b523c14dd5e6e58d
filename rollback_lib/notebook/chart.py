"""Health over time, as a notebook shows it."""

from collections.abc import Sequence
from datetime import datetime

from rollback_lib.notebook.view import View
from rollback_lib.probe import Probe
from rollback_lib.report.chart import Tick, timeline


def health(probes: Sequence[Probe], marks: Sequence[tuple[datetime, str]] = ()) -> View:
    """A lane per route; `marks` are moments with a word."""
    if not probes:
        return View("", "no probes yet")
    names = sorted({probe.route for probe in probes})
    start = min([probe.at for probe in probes] + [at for at, _ in marks])
    span = max((max(probe.at for probe in probes) - start).total_seconds(), 0.1)
    lines = [f"{name}: " + "".join("." if probe.ok else "x" for probe in probes if probe.route == name) for name in names]
    drawn = timeline([Tick(probe.route, probe.at, probe.ok) for probe in probes], marks)
    return View("", f"health over {span:.1f} s (. pass, x failure)\n" + "\n".join(lines), drawn)
