"""The executed notebook as a single HTML file, with the verdict first. It loads no other file and runs no script.

It is not made by nbconvert, whose pages load scripts from elsewhere, and whose import takes longer than a rollback.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mistune
import nbformat
from markupsafe import Markup

from rollback_lib.report import rendering
from rollback_lib.report.head import Head

_markdown = mistune.create_markdown(escape=True, plugins=["strikethrough", "table"])


@dataclass(frozen=True)
class Output:
    """An output of a cell: HTML that a view made from escaped text (`drawn`), or else a text."""

    text: str = ""
    drawn: Markup | None = None


@dataclass(frozen=True)
class Cell:
    """A cell: `prose` as HTML; or, if that is None, code with its outputs. `never`: the code was not run."""

    source: str = ""
    prose: Markup | None = None
    never: bool = False
    outputs: tuple[Output, ...] = ()


def html(executed: Path, record: dict[str, Any]) -> str:
    """The page for an executed notebook and its record.json."""
    notebook = nbformat.read(executed, as_version=4)
    title = f"{record.get('procedure', '')} rollback {record.get('incident', '')}, the notebook"
    return rendering.render("notebook", head=Head.of(record, title), cells=[_cell(cell) for cell in notebook.cells])


def _cell(cell: Any) -> Cell:
    if cell.cell_type == "markdown":
        return Cell(prose=Markup(_markdown(cell.source)))  # mistune escapes HTML in the prose
    status = cell.metadata.get("papermill", {}).get("status")
    return Cell(cell.source, never=status == "pending", outputs=tuple(map(_output, cell.get("outputs", ()))))


def _output(output: Any) -> Output:
    if output.output_type == "stream":
        return Output(output.text)
    if output.output_type == "error":
        return Output(f"✘ {output.ename}: {output.evalue}")
    data = output.data
    drawn = data.get("text/html") or data.get("image/svg+xml")  # a widget needs its kernel, so it has HTML beside it
    return Output(drawn=Markup(drawn)) if drawn else Output(data.get("text/plain", ""))
