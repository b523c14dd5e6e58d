"""The chart of health over time, as a view in a notebook."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from rollback_lib.health.outage import Outages, Tick
from rollback_lib.health.probe import Probe
from rollback_lib.notebook.view import View
from rollback_lib.report.chart import timeline
from rollback_lib.text import times


def health(probes: Sequence[Probe], outages: Outages, marks: Sequence[tuple[datetime, str]] = ()) -> View:
    """A chart with a lane for each route. `outages` are those of the whole run; `marks` are times with a label."""
    if not probes:
        return View("", "no probes yet")
    names = sorted({probe.route for probe in probes})
    start = min([probe.at for probe in probes] + [at for at, _ in marks])
    span = max((max(probe.at for probe in probes) - start).total_seconds(), 0.1)
    lines = [f"{name}: " + "".join("." if probe.ok else "x" for probe in probes if probe.route == name) for name in names]
    ticks = [Tick(probe.route, probe.at, probe.ok, probe.at + timedelta(seconds=probe.seconds)) for probe in probes]
    drawn = timeline(ticks, outages, marks)
    return View("", f"health over {times.exactly(span)} (. pass, x failure)\n" + "\n".join(lines), drawn)
