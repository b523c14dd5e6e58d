"""Working copies of notebooks. People work in these, so that `notebooks/` stays clean and records stay as they were sealed."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rollback_lib.record.files import write_private
from rollback_lib.record.folder import begun
from rollback_lib.runbook import parameters_cell

_PLACE = "working"  # the folder beside the records for copies that are not in the folder of a record


def place(root: Path) -> Path:
    """The folder for working copies beside the records. It is made if needed."""
    folder = root / _PLACE
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    return folder


def copy(source: Path, file: Path, parameters: Mapping[str, str]) -> Path:
    """Write a private copy of the notebook `source` to `file`, with these parameters and without outputs. Returns `file`."""
    write_private(file, json.dumps(_content(source, parameters), indent=1, ensure_ascii=False) + "\n")
    return file


def unused(source: Path, folder: Path, parameters: Mapping[str, str], *, name: str = "", ran: bool = False) -> Path:
    """A working copy in `folder` that nobody has worked in yet: an existing one, or else a new one, with this `name` or that of its source.
    With `ran`, its cells may have run."""
    stem = name or source.stem
    number, file = 1, folder / f"{stem}.ipynb"
    while file.exists():
        if same(file, source, parameters, ran=ran):
            return file
        number += 1
        file = folder / f"{stem}-{number}.ipynb"
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    return copy(source, file, parameters)


def same(file: Path, source: Path, parameters: Mapping[str, str], *, ran: bool = True) -> bool:
    """Whether the file has the cells of a working copy of `source` as it is made, with these parameters. With `ran`, they may have run."""
    try:
        return _cells(json.loads(file.read_text()), ran=ran) == _cells(_content(source, parameters), ran=ran)
    except (ValueError, LookupError, TypeError):  # it is being saved, so that somebody works in it, or it is no notebook
        return False


def to_apply(source: Path, folder: Path, parameters: Mapping[str, str]) -> Path:
    """An unused working copy with mode `apply`. It is in the folder `apply` below `folder`; the copy that only plans is in `folder`."""
    return unused(source, folder / "apply", {**parameters, "mode": "apply"})


def session() -> Path | None:
    """The notebook whose kernel this process is, if it runs in JupyterLab; else None."""
    known = os.environ.get("JPY_SESSION_NAME", "")
    return Path(known) if known else None


def made_for(notebook: Path | None, procedure: str, root: Path) -> Path | None:
    """The folder of the notebook, if it was made for the record of a run of this procedure and no run has begun in it; else None."""
    if notebook is None:
        return None
    folder = notebook.parent.resolve()
    ours = re.fullmatch(rf"\d{{6}}Z-{procedure}-[0-9a-f]{{6}}", folder.name) and folder.parents[3] == root.resolve()
    return folder if ours and not begun(folder) else None


def shows(notebook: Path, count: int) -> bool:
    """Whether the saved file holds the output of cell number `count`, as IPython counts the cells that ran, or of a later one. False for a
    file that is missing or being written."""
    try:
        cells = json.loads(notebook.read_text())["cells"]
    except (OSError, ValueError):
        return False
    return any((cell.get("execution_count") or 0) >= count for cell in cells)


def _content(source: Path, parameters: Mapping[str, str]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(source.read_text())
    for cell in content["cells"]:
        if parameters_cell.is_it(cell):
            cell["source"] = [parameters_cell.filled(line, parameters) for line in "".join(cell["source"]).splitlines(keepends=True)]
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    return content


def _cells(content: dict[str, Any], *, ran: bool) -> list[tuple[str, str, Any]]:
    """The kinds, sources and outputs of all cells: what changes when a person works in a notebook. With `ran`, outputs are left out. A
    source may be saved as a single text or as lines; here both are the same."""
    return [(cell["cell_type"], "".join(cell["source"]), None if ran else cell.get("outputs")) for cell in content["cells"]]
