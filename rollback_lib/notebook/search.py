"""The incidents in a table, newest first. In JupyterLab, a person filters them by stack, procedure, verdict, day and words."""

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rollback_lib.notebook import display
from rollback_lib.notebook.follow_up import onward
from rollback_lib.notebook.links import link, under
from rollback_lib.notebook.view import View, note, sign, table
from rollback_lib.record import chain
from rollback_lib.record.folder import incidents_root
from rollback_lib.record.history import incidents
from rollback_lib.record.index import OPEN
from rollback_lib.record.verdict import Verdict
from rollback_lib.runbook import working_copy
from rollback_lib.text import times

LATEST = 10  # incidents shown at first
ANY = "any"
EVERY = 2.0  # seconds between two looks whether there is more
_DAYS = {"any time": None, "today": 0, "the last 7 days": 6, "the last 30 days": 29, "the last 91 days": 90}


def listed(most: int = LATEST, **wanted: Any) -> View:
    """The newest incidents that match, as `incidents` takes it, and what each leads to."""
    root = incidents_root()
    found = incidents(root, most=most, **wanted)
    if not found:
        asked = {name for name, value in wanted.items() if value} - {"stack"}
        return note("info", "No incident matches." if asked else "No incident yet.")
    several = not wanted.get("stack")
    rows = [_row(root, incident, several=several) for incident in found]
    named = ("stack",) if several else ()
    return table(("when", "incident", *named, "procedure", "verdict", "why", "to read", "from here"), rows)


def _row(root: Path, incident: Mapping[str, Any], *, several: bool) -> tuple[object, ...]:
    folder = root / incident["folder"]
    onwards = onward(incident["incident"], folder, working_copy.place(root) / incident["stack"])
    return (
        times.minute(datetime.fromisoformat(incident["opened"])), incident["incident"], *([incident["stack"]] if several else []),
        incident.get("procedure", ""), *_ended(incident), _files(folder), under(*onwards),
    )  # fmt: skip


def _ended(incident: Mapping[str, Any]) -> tuple[str, str]:
    if incident["verdict"] == OPEN:
        return "● open", ""
    verdict = Verdict(incident["verdict"])
    return f"{sign(verdict.level)} {verdict}", incident.get("reason", "")


def _files(folder: Path) -> View:
    """Links to the HTML pages of a record. There is none to its notebook, since opening it would change it."""
    pages = [folder / "report.html", *sorted(folder.glob("notebook*.html"))]
    links = [link(file, file.stem, otherwise=working_copy.place(incidents_root())) for file in pages if file.exists()]
    return under(*links) if links else View("let go", "let go")


def _size() -> int:
    """How long the chain of the records is."""
    file = incidents_root() / chain.FILE
    return file.stat().st_size if file.exists() else 0


class Search:
    """The incidents, with filters above them."""

    shown: "Search | None" = None  # the one that is kept up to date

    def __init__(self, stack: str) -> None:
        import ipywidgets as widgets

        known = incidents(incidents_root())
        self._most = LATEST
        self._choices = {
            name: widgets.Dropdown(description=name, options=[ANY, *sorted({str(one[name]) for one in known if name in one})])
            for name in ("stack", "procedure", "verdict")
        }
        if stack in self._choices["stack"].options:
            self._choices["stack"].value = stack
        self._days = widgets.Dropdown(description="opened", options=list(_DAYS))
        self._words = widgets.Text(description="words", placeholder="in anything the record says", continuous_update=False)
        self._more = widgets.Button(description=f"Show {LATEST} more", layout={"width": "auto"})
        self._more.on_click(self._show_more)
        self._table = widgets.Output()
        filters = [*self._choices.values(), self._days, self._words]
        for one in filters:
            one.observe(self._filter, "value")
        self.widget = widgets.VBox([widgets.HBox(filters, layout={"flex_flow": "row wrap"}), self._table, self._more])

    def show(self) -> None:
        """Show it in the running cell, and what comes to it, in a thread of its own."""
        Search.shown = self
        self._update()
        display.show_widget(self.widget, listed(stack=self._wanted()["stack"]))
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        """Show the incidents again when a record was opened or sealed."""
        before = _size()
        while Search.shown is self:
            time.sleep(EVERY)
            if (now := _size()) != before:
                before = now
                with suppress(Exception):  # an error in a display; the next record shows all
                    self._update()

    def _wanted(self) -> dict[str, Any]:
        chosen = {name: "" if one.value == ANY else one.value for name, one in self._choices.items()}
        days = _DAYS[self._days.value]
        return {**chosen, "since": None if days is None else times.today() - timedelta(days=days), "text": self._words.value.strip()}

    def _filter(self, _: object) -> None:
        self._most = LATEST
        self._update()

    def _show_more(self, _: object) -> None:
        self._most += LATEST
        self._update()

    def _update(self) -> None:
        wanted = self._wanted()
        shown = listed(self._most, **wanted)
        self._table.outputs = (display.output(shown),)
        more = len(incidents(incidents_root(), most=self._most + 1, **wanted)) > self._most
        self._more.layout.display = "flex" if more else "none"
