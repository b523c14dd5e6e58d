"""A view that is updated every few seconds while a person looks at the page, and says when that was last."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from rollback_lib.notebook import display
from rollback_lib.notebook.view import View, note
from rollback_lib.text import times

EVERY = 5.0  # seconds between two looks
LONGEST = 1800.0  # seconds after which nobody is expected to look any more
Make = Callable[[], View]
_shown: dict[str, "Live"] = {}  # the newest of each name


def live(name: str, make: Make) -> View | None:
    """What `make` returns. In JupyterLab it is shown as an output that is updated every few seconds, in place of an earlier one of that
    `name`; nothing is returned then."""
    if not display.interactive():
        return make()
    Live(name, make).show()
    return None


class Live:
    """A view in the running cell, and below it when it was made last. It ends when another of its name is shown, or after LONGEST."""

    def __init__(self, name: str, make: Make) -> None:
        import ipywidgets

        self._name = name
        self._make = make
        self._drawn = ""
        self._view, self._when = ipywidgets.Output(), ipywidgets.HTML()
        self.widget = ipywidgets.VBox([self._view, self._when])

    def show(self) -> None:
        """Show it, and keep it up to date in a thread of its own."""
        _shown[self._name] = self
        first = self._make()
        self._draw(first)
        display.show_widget(self.widget, first)
        threading.Thread(target=self._tick, daemon=True).start()

    def _tick(self) -> None:
        until = time.monotonic() + LONGEST
        while _shown.get(self._name) is self and time.monotonic() < until:
            time.sleep(EVERY)
            with suppress(Exception):  # the next look may succeed; the time below the view says that this one did not
                self._draw(self._make())
        over = note("warn", f"No longer updated since {times.here(datetime.now(UTC))}: run this cell again.")
        self._when.value = over._repr_html_()

    def _draw(self, view: View) -> None:
        """Show the view. One that is the same stays as it is, so that a link in it keeps the focus."""
        drawn = view._repr_html_()
        if drawn != self._drawn:
            self._view.outputs = (display.output(view),)
            self._drawn = drawn
        self._when.value = f'<div style="font-size:12px">Looked at last: {times.here(datetime.now(UTC))}</div>'
