"""Choosing a target in JupyterLab: a person picks a row or types a name, and the output below is updated."""

import html
from collections.abc import Callable, Sequence
from typing import Any

from rollback_lib.errors import RollbackError
from rollback_lib.notebook import display
from rollback_lib.notebook.view import Table, View, note

WIDEST = 40  # characters: a wider column gets no larger share of the width
LEAST = 6  # characters: the share of a narrower column
ROOM = 2  # characters added to each share, so that a text which fits is not wrapped


class Picker:
    """A table of candidates with a button for each. `names` are the names by which the rows of `listed` are chosen. `choose` is called with
    the name that was picked. It returns a sentence to show, or raises RollbackError."""

    def __init__(self, listed: Table, names: Sequence[str], choose: Callable[[str], str]) -> None:
        import ipywidgets

        self._choose = choose
        self._names = names
        self._buttons = [self._button(name, row[0]) for name, row in zip(names, listed.cells, strict=True)]
        widths = [max(map(len, column)) for column in zip(listed.headers, *listed.cells, strict=True)]
        shares = [max(LEAST, min(WIDEST, width)) + ROOM for width in widths]
        lines = [ipywidgets.HTML(_line(cells, shares), layout={"flex": "1"}) for cells in (listed.headers, *listed.cells)]
        firsts = [ipywidgets.HTML("", layout={"width": "7em"}), *self._buttons]
        rows = [ipywidgets.HBox([first, line]) for first, line in zip(firsts, lines, strict=True)]
        self._box = ipywidgets.Text(placeholder="or type one", continuous_update=True, layout={"width": "30em"})
        typed = ipywidgets.Button(description="Choose", layout={"width": "7em"}, tooltip="Choose what is typed")
        typed.on_click(lambda _: self._pick(self._box.value.strip()))
        self._said = ipywidgets.HTML()
        self.widget = ipywidgets.VBox([*rows, ipywidgets.HBox([typed, self._box]), self._said])

    def mark(self, name: str) -> None:
        """Mark the candidate that is chosen."""
        for button, candidate in zip(self._buttons, self._names, strict=True):
            chosen = candidate == name
            button.description, button.icon = ("chosen", "check") if chosen else ("Choose", "")

    def show(self, twin: View) -> None:
        """Display the picker in the running cell. `twin` is shown where there are no widgets."""
        display.show_widget(self.widget, twin)

    def _button(self, name: str, called: str) -> Any:
        import ipywidgets

        button = ipywidgets.Button(description="Choose", tooltip=f"Choose {called}", layout={"width": "7em"})
        button.on_click(lambda _: self._pick(name))
        return button

    def _pick(self, name: str) -> None:
        if not name:
            return
        self._said.value = note("info", f"Looking at {name} …")._repr_html_()
        try:
            said = note("good", self._choose(name))
        except RollbackError as error:
            said = note("bad", str(error))
        self._said.value = said._repr_html_()


def _line(cells: Sequence[str], shares: Sequence[int]) -> str:
    columns = " ".join(f"minmax(0,{share}fr)" for share in shares)
    style = f"display:grid;grid-template-columns:{columns};gap:.8em;font-size:13px;line-height:1.4;padding:.3em 0;overflow-wrap:anywhere"
    style += ";white-space:pre-line"
    body = "".join(f"<span>{html.escape(cell)}</span>" for cell in cells)
    return f'<div style="{style}">{body}</div>'
