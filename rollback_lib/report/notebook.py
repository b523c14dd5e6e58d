"""The executed notebook as one HTML file that needs nothing else and runs nothing; verdict first.

Written here and not by nbconvert, whose pages load scripts from elsewhere and whose import takes longer than a rollback.
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
    """What a cell showed: a drawing, as our views made it of escaped text, or else a text."""

    text: str = ""
    drawn: Markup | None = None


@dataclass(frozen=True)
class Cell:
    """A cell of prose, or else of code with what it showed; `never`: it was not run."""

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
        return Cell(prose=Markup(_markdown(cell.source)))  # which escapes what is HTML in it
    status = cell.metadata.get("papermill", {}).get("status")
    return Cell(cell.source, never=status == "pending", outputs=tuple(map(_output, cell.get("outputs", ()))))


def _output(output: Any) -> Output:
    if output.output_type == "stream":
        return Output(output.text)
    if output.output_type == "error":
        return Output(f"✘ {output.ename}: {output.evalue}")
    data = output.data
    drawn = data.get("text/html") or data.get("image/svg+xml")  # a widget, which needs its kernel, has such a twin
    return Output(drawn=Markup(drawn)) if drawn else Output(data.get("text/plain", ""))
