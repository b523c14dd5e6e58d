"""Working copies: what a person works in, so that `notebooks/` stays clean and a record stays as it was sealed."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rollback_lib.record.files import write_private
from rollback_lib.record.folder import begun
from rollback_lib.runbook import parameters_cell

_PLACE = "working"  # beside the records, for copies that no folder was made for


def place(root: Path) -> Path:
    """The folder for copies that are beside the records."""
    folder = root / _PLACE
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    return folder


def copy(source: Path, file: Path, parameters: Mapping[str, str]) -> Path:
    """Make `file` a private copy of a notebook, these parameters filled in and nothing run in it yet."""
    write_private(file, json.dumps(_content(source, parameters), indent=1, ensure_ascii=False) + "\n")
    return file


def unused(source: Path, folder: Path, parameters: Mapping[str, str]) -> Path:
    """Such a copy in `folder` that nobody has worked in: one that is there already, or else a new one."""
    fresh, number, file = _content(source, parameters), 1, folder / source.name
    while file.exists():
        if _as_made(file, fresh):
            return file
        number += 1
        file = folder / f"{source.stem}-{number}.ipynb"
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    return copy(source, file, parameters)


def to_apply(source: Path, folder: Path, parameters: Mapping[str, str]) -> Path:
    """Such a copy for applying, beside the one in `folder` that only plans."""
    return unused(source, folder / "apply", {**parameters, "mode": "apply"})


def session() -> Path | None:
    """The notebook that this process is the kernel of, if it is one of JupyterLab's."""
    known = os.environ.get("JPY_SESSION_NAME", "")
    return Path(known) if known else None


def made_for(notebook: Path | None, procedure: str, root: Path) -> Path | None:
    """The folder that was made for the record of this notebook's run, as long as no run has begun in it."""
    if notebook is None:
        return None
    folder = notebook.parent.resolve()
    ours = re.fullmatch(rf"\d{{6}}Z-{procedure}-[0-9a-f]{{6}}", folder.name) and folder.parents[3] == root.resolve()
    return folder if ours and not begun(folder) else None


def shows(notebook: Path, count: int) -> bool:
    """Whether the file, as it was saved last, has the cell that was run as number `count`, or a later one. A file that is being
    written, or gone, does not."""
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


def _as_made(file: Path, fresh: dict[str, Any]) -> bool:
    try:
        return _cells(json.loads(file.read_text())) == _cells(fresh)
    except ValueError:  # somebody is at work in it
        return False


def _cells(content: dict[str, Any]) -> list[tuple[str, Any]]:
    """What a person changes by working in a notebook; JupyterLab writes a text as one or as lines."""
    return [("".join(cell["source"]), cell.get("outputs")) for cell in content["cells"]]
