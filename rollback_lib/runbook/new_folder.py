"""Making a runbook folder, with notebooks, stack files, and what a repository for them needs. Existing files are not changed."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rollback_lib.errors import ParameterError
from rollback_lib.settings import LIBRARY, SHIPPED
from rollback_lib.stack import schema

_TEMPLATE = LIBRARY / "runbook" / "template"


@dataclass(frozen=True)
class Made:
    """The result, as paths in the folder. `written` are new files. `left` are files that existed already; `differing` are the notebooks
    among them whose cells differ from those of this version."""

    written: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)


def make(folder: Path) -> Made:
    """Make `folder` a runbook folder, or add what it does not have. Raises ParameterError."""
    made = Made()
    contents = _contents()
    _check(folder, contents)
    for name, source in contents.items():
        file = folder / name
        if _write_new(file, source.read_bytes()):
            made.written.append(name)
            continue
        made.left.append(name)
        if file.suffix == ".ipynb" and _cells(file) != _cells(source):
            made.differing.append(name)
    return made


def _contents() -> dict[str, Path]:
    """The files of a runbook folder, each with the file that it is a copy of."""
    notebooks = sorted((SHIPPED / "notebooks").glob("*.ipynb"))
    return {
        "README.md": _TEMPLATE / "README.md",
        ".gitignore": _TEMPLATE / "gitignore",
        "parameters/example.yaml": SHIPPED / "parameters" / "example.yaml",
        "parameters/drill.yaml": SHIPPED / "parameters" / "drill.yaml",
        f"parameters/{schema.FILE}": SHIPPED / "parameters" / schema.FILE,
        "ci/github-actions.yml": _TEMPLATE / "ci" / "github-actions.yml",
        "ci/gitlab-ci.yml": _TEMPLATE / "ci" / "gitlab-ci.yml",
        **{f"notebooks/{file.name}": file for file in notebooks},
    }


def _check(folder: Path, contents: dict[str, Path]) -> None:
    """Raises ParameterError, before anything is written, if a file has the name of a folder that is needed."""
    for place in dict.fromkeys([folder, *((folder / name).parent for name in contents)]):
        if place.exists() and not place.is_dir():
            raise ParameterError(f"{place} is a file, and a runbook folder needs a folder there; move it away, or name another folder")


def _write_new(file: Path, content: bytes) -> bool:
    """Write a file, unless it exists. False if it exists. Raises ParameterError if it cannot be written."""
    if file.exists() or file.is_symlink():
        return False
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as new:
            new.write(content)
    except OSError as error:
        raise ParameterError(f"{file} cannot be written ({error.strerror}); make its folder writable, or name another folder") from None
    return True


def _cells(file: Path) -> Any:
    """The cells of a notebook without outputs, which come from a run. None if it cannot be read."""
    try:
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        return [(cell["cell_type"], "".join(cell["source"]), cell["metadata"].get("tags", [])) for cell in cells]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
