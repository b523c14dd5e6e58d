"""The panel of a running incident: how far it is, compared with its budget and the usual time; the routes; and buttons to stop it.

There is one panel for each run. Every cell that changes something shows it, so that a page which is reloaded shows it again. When the
cell has ended, a static picture of the panel stays.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median

from rollback_lib.errors import RollbackError
from rollback_lib.health.outage import Tick
from rollback_lib.notebook import display
from rollback_lib.notebook.progress import spent
from rollback_lib.notebook.view import View, bar, code, image, note, stack, table
from rollback_lib.plan.plan import Plan
from rollback_lib.record.state import RunState
from rollback_lib.report import chart, summary
from rollback_lib.run.console import Followed
from rollback_lib.run.outcome import steps
from rollback_lib.text import times

EVERY = 0.5  # seconds between two looks at the run
SHOWN_SECONDS = 60  # how much of the routes' past is shown
LAST_LINES = 6  # how many last lines of output are shown
_SIGNS = {"done": "✔", "not needed": "✔", "runs": "▶", "failed, it may be half done": "✘"}


class Panel:
    """The panel of one run, in JupyterLab."""

    def __init__(self, run: Followed) -> None:
        import ipywidgets

        self._run = run
        self.lines: deque[str] = deque(maxlen=LAST_LINES)
        self._view = ipywidgets.HTML()
        self._stop = ipywidgets.Button(description="Stop after this step", icon="pause", layout={"width": "auto"})
        self._cut = ipywidgets.Button(description="Cut this step short …", icon="stop", layout={"width": "auto"})
        self._sure = ipywidgets.Button(description="Yes, cut it short", button_style="danger", layout={"width": "auto"})
        self._no = ipywidgets.Button(description="No, let it finish", layout={"width": "auto"})
        self._said = ipywidgets.HTML()
        self._ask = ipywidgets.HBox([self._sure, self._no], layout={"display": "none"})
        self._buttons = ipywidgets.HBox([self._stop, self._cut])
        self.widget = ipywidgets.VBox([self._view, self._buttons, self._said, self._ask])
        self._stop.on_click(lambda _: self._stopping())
        self._cut.on_click(lambda _: self._asking())
        self._sure.on_click(lambda _: self._cutting())
        self._no.on_click(lambda _: self._settle(""))

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the panel in the running cell, and update it while the context is open."""
        self.lines.clear()
        self._allow(True)
        self._look(going=True)
        handle = display.show_widget(self.widget, self.picture())
        ended = threading.Event()
        clock = threading.Thread(target=self._tick, args=(ended,), daemon=True)
        clock.start()
        try:
            yield
        finally:
            ended.set()
            clock.join()
            self._allow(False)
            self._look(going=False)
            handle.update(self.picture(going=False))

    def picture(self, *, going: bool = True) -> View:
        """What the panel shows now. This never raises, since an error in a display must not stop a run."""
        try:
            return picture(self._run, tuple(self.lines), datetime.now(UTC), going=going)
        except Exception as error:
            return note("warn", f"How far it is cannot be shown ({type(error).__name__}: {error}); what it says is below.")

    def _tick(self, ended: threading.Event) -> None:
        while not ended.wait(EVERY):
            self._look(going=True)

    def _look(self, *, going: bool) -> None:
        self._view.value = self.picture(going=going)._repr_html_()

    def _allow(self, allowed: bool) -> None:
        self._buttons.layout.display = "flex" if allowed else "none"
        self._stop.disabled = False
        self._settle("")

    def _stopping(self) -> None:
        self._run.stop()
        self._stop.disabled = True
        self._settle("It stops after this step. To continue after that, run the next cell again.")

    def _asking(self) -> None:
        self._settle(
            "What this step does on the host is ended where it is. If it changes the stack, the stack is half changed, and the "
            "run continues as after a failed step."
        )
        self._ask.layout.display = "flex"

    def _cutting(self) -> None:
        self._settle("The step is being ended on the host.")
        try:
            ended = self._run.cut_short()
        except RollbackError as error:
            self._settle(str(error))
            return
        self._settle("" if ended else "No step runs there now, or its end is not known: see below.")

    def _settle(self, said: str) -> None:
        self._ask.layout.display = "none"
        self._said.value = note("warn", said)._repr_html_() if said else ""


def picture(run: Followed, lines: tuple[str, ...], now: datetime, *, going: bool) -> View:
    """How far a run is. It shows the time; and, while `going`, also the steps, the routes of the last minute, and the last lines of
    output."""
    events = run.events()
    opening, elapsed = run.opening, run.seconds()
    usual = median(opening.usual) if opening.usual else None
    views: list[View] = [bar(elapsed, opening.budget, usual, spent(run))]
    if not going:
        return stack(*views)
    if run.plan:
        views.append(table(("", "step", "", "took"), _steps(run.plan, run.state, now)))
    recent = [tick for tick in summary.ticks(events) if now - tick.at < timedelta(seconds=SHOWN_SECONDS)]
    if recent:
        spans = [span for span in summary.spans(events) if span.ok is not None and now - span.end < timedelta(seconds=SHOWN_SECONDS)]
        words = f"the routes, now: {_routes(recent)}"
        views.append(image(chart.timeline(recent, summary.outages(events), spans=spans), words))
    if lines:
        views.append(code("\n".join(lines), title="It says"))
    if run.state.stopping:
        views.append(note("warn", "It stops after this step."))
    return stack(*views)


def _steps(plan: Plan, state: RunState, now: datetime) -> list[tuple[str, str, str, str]]:
    rows = []
    ran = {attempt.step: attempt for attempt in state.ran}
    words = steps(plan, state)
    titles = {step.name: step.title for step in (*plan.steps, *plan.undo)}
    for name, word in words.items():
        attempt = ran.get(name)
        shown = "runs" if attempt and not attempt.heard else word
        took = "" if attempt is None else attempt.took if attempt.heard else f"{times.about((now - attempt.begin).total_seconds())} so far"
        rows.append((_SIGNS.get(shown, "○"), titles[name], shown, took))
    return rows


def _routes(ticks: list[Tick]) -> str:
    last = {tick.route: tick.ok for tick in sorted(ticks, key=lambda tick: tick.at)}
    return ", ".join(f"{name} {'✔ passes' if ok else '✘ fails'}" for name, ok in sorted(last.items()))
