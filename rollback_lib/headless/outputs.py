"""The outputs of the cells, written into the notebook as they come."""

import re
from typing import Any

from nbformat.notebooknode import NotebookNode, from_dict

from rollback_lib.headless import wire

# A line that is drawn again, as progress bars do: only what was drawn last is kept.
_REDRAWN = re.compile(r".*\r(?=[^\n])")
_ERASED = re.compile(r"[^\n]\x08")


class Outputs:
    """Takes the outputs of the cells of a notebook, as a Jupyter front end does."""

    def __init__(self, notebook: NotebookNode) -> None:
        self._cells = notebook.cells
        self._displays: dict[str, list[NotebookNode]] = {}
        self._clears: set[int] = set()  # cells whose outputs are to be cleared by the next one

    def take(self, message: wire.Message) -> None:
        """Write an output into its cell."""
        kind, number, content = message["kind"], message["cell"], message.get("content", {})
        cell = self._cells[number]
        if kind == "begun":
            cell.execution_count = message["count"]
        elif kind == "clear_output":
            self._clears.add(number)
            if not content["wait"]:
                self._clear(number)
        elif kind == "update_display_data":
            for output in self._displays.get(content["transient"].get("display_id"), ()):
                output.data, output.metadata = from_dict(content["data"]), from_dict(content["metadata"])
        else:
            self._clear(number)
            self._add(cell, kind, content)

    def _clear(self, number: int) -> None:
        if number in self._clears:
            self._clears.discard(number)
            self._cells[number].outputs = []

    def _add(self, cell: NotebookNode, kind: str, content: dict[str, Any]) -> None:
        if kind == "stream":
            _write(cell, content["name"], content["text"])
            return
        display = content.pop("transient", {}).get("display_id")
        output = from_dict({"output_type": kind, **content})
        cell.outputs.append(output)
        if display:
            self._displays.setdefault(display, []).append(output)


def _write(cell: NotebookNode, name: str, text: str) -> None:
    last = cell.outputs[-1] if cell.outputs else None
    if last is None or last.output_type != "stream" or last.name != name:
        last = from_dict({"output_type": "stream", "name": name, "text": ""})
        cell.outputs.append(last)
    whole = last.text + text
    if "\b" in text:
        while (erased := _ERASED.sub("", whole)) != whole:
            whole = erased
    last.text = _REDRAWN.sub("", whole) if "\r" in whole else whole
