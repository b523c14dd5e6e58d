"""The gate in JupyterLab: a person types a name into a box. It does not block the kernel."""

from collections.abc import Callable

from rollback_lib.errors import RollbackError
from rollback_lib.notebook import display
from rollback_lib.notebook.view import View, note

DONE = "Confirmed. Run the cells below, one after the other."
GONE = "Another target was chosen; there is nothing to confirm."


class Gate:
    """A box below the text `said`. Its button is disabled until the text in the box is `word`. Pressing it calls `on_confirmed`."""

    def __init__(self, word: str, said: str, on_confirmed: Callable[[], None]) -> None:
        import ipywidgets

        from rollback_lib.notebook.guide import Guide

        self._word = word
        self._said = said
        self._box = ipywidgets.Text(placeholder=word, continuous_update=True, description="Type it:")
        self._button = ipywidgets.Button(description="Confirm", button_style="danger", icon="check")
        self._label = ipywidgets.HTML()
        self._row = ipywidgets.HBox([self._box, self._button])
        self._guide = Guide()
        self._box.observe(lambda _: self._typed(), names="value")
        self._button.on_click(lambda _: self._pressed())
        self._guide.observe(lambda _: self._guided(), names="stage")
        self._place: display.WidgetPlace | None = None
        self.ask(on_confirmed)
        whole = ipywidgets.VBox([self._label, self._row, self._guide])
        whole.add_class("rollback-gate")  # where the bar brings a person to
        self._place = display.show_widget(whole, note("warn", said))

    def ask(self, on_confirmed: Callable[[], None]) -> None:
        """Ask again, with an empty box."""
        self._on_confirmed = on_confirmed
        self._box.value = ""
        self._typed()
        self._label.value = note("warn", self._said)._repr_html_()
        self._row.layout.display = "flex"
        self._guide.stage = "ask"

    def close(self, view: View) -> None:
        """Remove the box, and show `view` instead."""
        self._label.value = view._repr_html_()
        self._row.layout.display = "none"
        self._guide.stage = ""

    def _typed(self) -> None:
        self._button.disabled = self._box.value.strip() != self._word

    def _pressed(self) -> None:
        try:
            self._on_confirmed()
        except RollbackError as error:
            self._label.value = note("bad", str(error))._repr_html_()
            return
        self.close(note("good", DONE))
        self._guide.stage = "run"
        if self._place:
            self._place.update_twin(note("good", DONE))

    def _guided(self) -> None:
        """Once the cells below run, or this page cannot run them, no widget is needed here any more."""
        if self._place and self._guide.stage == "done":
            self._place.update(note("good", DONE))
