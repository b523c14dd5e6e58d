"""Notebooks with the code of their cells collapsed, for people who read prose and outputs only. They are shown so, and never saved so."""

from typing import Any

from rollback_lib.runbook import parameters_cell

_KEY = "source_hidden"  # in the metadata of a cell, as JupyterLab knows it (nbformat 4.5, "jupyter" namespace)


def collapse(notebook: Any) -> None:
    """Collapse the code of every cell but the parameters cell, which people edit."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and not parameters_cell.is_it(cell):
            cell["metadata"].setdefault("jupyter", {})[_KEY] = True


def expand(notebook: Any) -> None:
    """Take that back."""
    for cell in notebook["cells"]:
        shown = cell["metadata"].get("jupyter", {})
        shown.pop(_KEY, None)
        if not shown:
            cell["metadata"].pop("jupyter", None)
