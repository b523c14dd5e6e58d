"""The outputs of the cells, written into the notebook as they come."""

import re
from typing import Any

from nbformat.notebooknode import NotebookNode, from_dict

from rollback_lib.headless import wire

# A line that is drawn again, as progress bars do: only what was drawn last is kept.
_REDRAWN = re.compile(r".*\r(?=[^\n])")


class Outputs:
    """Takes the outputs of the cells of a notebook, as a Jupyter front end does. The last text of a cell is in it after `settle`."""

    def __init__(self, notebook: NotebookNode) -> None:
        self._cells = notebook.cells
        self._displays: dict[str, list[NotebookNode]] = {}
        self._clears: set[int] = set()  # cells whose outputs are to be cleared by the next one
        self._written: tuple[NotebookNode, list[str]] | None = None  # the stream that is written to, and its texts

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
            self._update(content)
        else:
            self._clear(number)
            self._add(cell, kind, content)

    def settle(self) -> None:
        """Write the text that has come to its stream."""
        if self._written:
            output, texts = self._written
            whole = "".join((output.text, *texts))
            output.text = _REDRAWN.sub("", whole) if "\r" in whole else whole
            self._written = None

    def _clear(self, number: int) -> None:
        if number in self._clears:
            self._clears.discard(number)
            self._cells[number].outputs = []

    def _update(self, content: dict[str, Any]) -> list[NotebookNode]:
        """Update the displays with the same id, wherever they are. Returns these."""
        same = self._displays.setdefault(content["transient"].get("display_id", ""), [])
        for output in same:
            output.data, output.metadata = from_dict(content["data"]), from_dict(content["metadata"])
        return same

    def _add(self, cell: NotebookNode, kind: str, content: dict[str, Any]) -> None:
        if kind == "stream":
            self._write(cell, content["name"], content["text"])
            return
        output = from_dict({"output_type": kind, **{key: value for key, value in content.items() if key != "transient"}})
        cell.outputs.append(output)
        if content.get("transient", {}).get("display_id"):
            self._update(content).append(output)

    def _write(self, cell: NotebookNode, name: str, text: str) -> None:
        last = cell.outputs[-1] if cell.outputs else None
        if last is None or last.output_type != "stream" or last.name != name:
            last = from_dict({"output_type": "stream", "name": name, "text": ""})
            cell.outputs.append(last)
        if not self._written or self._written[0] is not last:
            self.settle()
            self._written = last, []
        self._written[1].append(text)
