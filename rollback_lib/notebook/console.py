"""The console of a notebook: how it shows a run, and asks for confirmation."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rollback_lib.notebook import display, follow_up, redaction, render
from rollback_lib.notebook.gate import GONE, Gate
from rollback_lib.notebook.panel import Panel
from rollback_lib.notebook.view import note
from rollback_lib.run.console import Awaited, Followed
from rollback_lib.run.stages import Closing
from rollback_lib.secrets.redactor import Redactor


class NotebookConsole:
    """Shows a run below its cells. In JupyterLab, it also asks for confirmation and lets a person stop the run."""

    def __init__(self) -> None:
        self._places: dict[type, display.Place] = {}
        self._gates: dict[str, Gate] = {}
        self._following = False
        self._panel: Panel | None = None
        self._redactor = Redactor()

    def hide(self, redactor: Redactor) -> None:
        self._redactor = redactor
        redaction.hide(redactor)

    def line(self, text: str) -> None:
        if self._following:
            return
        text = self._redactor.clean(text)
        if self._panel:
            self._panel.lines.append(text)
        display.line(text)

    def show(self, thing: object) -> None:
        kind = type(thing)
        if not self._following:
            place = display.show(render.view(thing))
            if place:
                self._places[kind] = place
            if isinstance(thing, Closing):
                follow_up.lead_to_report(thing.folder)
        elif kind in self._places:
            self._places[kind].update(render.view(thing))

    def gate(self, word: str, said: str, on_confirmed: Callable[[], None], awaited: Awaited | None = None) -> bool:
        if not display.interactive():
            return False
        if self._following and word in self._gates:
            self._gates[word].ask(on_confirmed, awaited)
        else:
            self._gates[word] = Gate(word, said, on_confirmed, awaited)
        return True

    @contextmanager
    def following(self) -> Iterator[None]:
        """While the context is open, views and gates replace those shown before, instead of appearing below the cell."""
        self._following = True
        for gate in self._gates.values():
            gate.close(note("info", GONE))
        try:
            yield
        finally:
            self._following = False

    def follow(self, run: Followed) -> AbstractContextManager[None]:
        if not display.interactive():
            return nullcontext()
        self._panel = self._panel or Panel(run)
        return self._panel.shown()
