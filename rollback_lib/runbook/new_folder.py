"""Makes a runbook folder: notebooks, stack files, and what a repository of them needs. What exists is left as it is."""

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
    """What was made of a folder, as paths in it: `written`; `left`, which existed; `differing`, those notebooks among them whose
    cells are not those of this version."""

    written: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)


def make(folder: Path) -> Made:
    """Make `folder` a runbook folder, or complete one. Raises ParameterError."""
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
    """The files of a runbook folder, and what each is a copy of."""
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
    """Refuses, before anything is written, where something else stands in the place of a folder."""
    for place in dict.fromkeys([folder, *((folder / name).parent for name in contents)]):
        if place.exists() and not place.is_dir():
            raise ParameterError(f"{place} is a file, and a runbook folder needs a folder there; move it away, or name another folder")


def _write_new(file: Path, content: bytes) -> bool:
    """Write a file that does not exist yet; False where it does. Raises ParameterError."""
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
    """What makes a notebook what it is: its cells without their outputs, which are those of a run. None where it cannot be read."""
    try:
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        return [(cell["cell_type"], "".join(cell["source"]), cell["metadata"].get("tags", [])) for cell in cells]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
