"""The bar above the cells of a notebook in JupyterLab: it stays in sight, and says how the routes are, how far the run is, and what a
person can do about it (`bar.js`)."""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime

import anywidget
import traitlets

from rollback_lib.health.probe import Probe
from rollback_lib.notebook import display
from rollback_lib.notebook.progress import progress
from rollback_lib.notebook.redaction import clean
from rollback_lib.notebook.script import script
from rollback_lib.notebook.view import View, sign
from rollback_lib.run.console import Followed

EVERY = 1.0  # seconds between two looks at the run
ROUTES = 5.0  # seconds between two probes of the routes while the run itself sends none
Look = Callable[[], Iterable[Probe]]


class Bar(anywidget.AnyWidget):  # type: ignore[misc]
    """What the bar shows: `words` with a `sign`, the `routes` with whether each passes, and which of its buttons: to the `gate`; to `stop`
    the run, which it asks for by a message; and, once it has `ended`, to close its record, for which the page runs the cell that does."""

    _esm = script("bar")
    shown: "Bar | None" = None  # the one that is above the cells now
    host = traitlets.Unicode().tag(sync=True)
    sign = traitlets.Unicode().tag(sync=True)
    level = traitlets.Unicode("info").tag(sync=True)
    words = traitlets.Unicode().tag(sync=True)
    routes: traitlets.List[list[object]] = traitlets.List().tag(sync=True)
    gate = traitlets.Bool(False).tag(sync=True)
    stop = traitlets.Bool(False).tag(sync=True)
    ended = traitlets.Bool(False).tag(sync=True)

    def __init__(self, run: Followed, look: Look) -> None:
        super().__init__(host=f"{run.opening.procedure} on {run.opening.host}")
        self._run = run
        self._look = look
        self._looked = 0.0
        self._seen = 0  # events
        self._closes = False  # whether the record is being closed
        self._last: dict[str, tuple[datetime, bool]] = {}  # when each route was probed last, and whether it passed
        self.on_msg(lambda *_: run.stop())

    def show(self) -> None:
        """Show the bar above the cells in place of an earlier one, and keep it up to date until its record is closed."""
        import ipywidgets

        Bar.shown = self
        display.show_widget(ipywidgets.Box([self]), View("", ""))
        threading.Thread(target=self._tick, daemon=True).start()

    def closes(self) -> None:
        """From now on the record is being closed, which ends with a verdict if it has none yet."""
        self._closes = True

    def _tick(self) -> None:
        over = False
        while Bar.shown is self and not over:
            with suppress(Exception):  # an error in a display must not disturb the run; the next look may succeed
                over = self._update()
            time.sleep(EVERY)

    def _update(self) -> bool:
        """Show how things are now. Returns whether the run has ended, and its record is closed or will be."""
        run, events = self._run, self._run.events()
        new, self._seen = events[self._seen :], len(events)
        self._note((event["route"], datetime.fromisoformat(event["sent"]), event["ok"]) for event in new if event["event"] == "probe")
        if (not run.state.touched or self.ended) and time.monotonic() - self._looked > ROUTES:
            self._note((probe.route, probe.at, probe.ok) for probe in self._look())
            self._looked = time.monotonic()
        now = progress(run, {route: ok for route, (_, ok) in self._last.items()})
        with self.hold_sync():
            self.level, self.sign, self.words = now.level, sign(now.level), clean(now.words)
            self.routes, self.gate, self.stop = [list(pair) for pair in now.routes], now.gate, now.stop
            self.ended = now.over and not self._closes
        return now.over and self._closes

    def _note(self, probes: Iterable[tuple[str, datetime, bool]]) -> None:
        for route, at, ok in probes:
            if route not in self._last or self._last[route][0] < at:
                self._last[route] = at, ok
