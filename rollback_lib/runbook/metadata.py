"""The metadata of each notebook: owner, status, review, and its row of the decision tree. It replaces the front matter of the runbook."""

import json
import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rollback_lib.errors import ParameterError
from rollback_lib.runbook import parameters_cell
from rollback_lib.settings import SHIPPED, home

_LOOKS = frozenset({"triage"})  # notebooks that never change a host, so that there is nothing to drill
_UNDRILLED = frozenset({"resume"})  # notebooks that resume the record of another procedure, and leave none of their own


@dataclass(frozen=True)
class Notebook:
    """The metadata of a notebook. Its next review is due one `cycle` after `reviewed`. `situation` and `action` are its row of the
    decision tree, "" if it has none. `parameters` are the names of its parameters. `text` is all of its prose, in Markdown."""

    file: Path
    procedure: str
    owner: str
    status: str
    cycle: timedelta
    reviewed: date
    situation: str
    action: str
    parameters: tuple[str, ...]
    text: str

    @property
    def looks(self) -> bool:
        """Whether it never changes a host."""
        return self.procedure in _LOOKS

    @property
    def drilled(self) -> bool:
        """Whether records can show that the notebook works."""
        return self.procedure not in _UNDRILLED


def folder() -> Path:
    """The folder with the notebooks, in the runbook folder. Raises NoRunbookFolder."""
    return home() / "notebooks"


def start() -> Path:
    """The start page. Raises NoRunbookFolder."""
    places = (folder(), SHIPPED / "notebooks")
    return next(file for file in (place / "start.ipynb" for place in places) if file.exists())


def notebook(procedure: str) -> Path | None:
    """The notebook of a procedure: its file's name without number and ending, or the one that another package brings."""
    ours = _files(procedure)
    if ours:
        return ours[0]
    from rollback_lib.procedures import registry  # imported late, since it loads all procedures

    return registry.notebook(procedure)


def known() -> list[str]:
    """The names of all notebooks: first those in `notebooks/`, in the order of their numbers, then those of other packages."""
    from rollback_lib.procedures import registry

    ours = [file.stem[3:] for file in _files()]
    return [*ours, *(one.name for one in registry.others() if one.notebook)]


def notebooks(folder: Path) -> list[Notebook]:
    """The notebooks of a folder, in the order of their numbers. Raises ParameterError, which names the file and the key."""
    return [read(file) for file in sorted(folder.glob("[0-9][0-9]_*.ipynb"))]


def ours() -> list[Notebook]:
    """The notebooks of the runbook folder, and those of this package that it does not have. Raises ParameterError."""
    return [read(file) for file in _files()]


def every() -> list[Notebook]:
    """The same, and after them those that other packages bring. Raises ParameterError."""
    from rollback_lib.procedures import registry

    return [*ours(), *(read(one.notebook) for one in registry.others() if one.notebook)]


def mark_reviewed(notebook: Notebook, day: date) -> None:
    """Set `reviewed` in the notebook's file to that day. Every other byte stays. Raises ParameterError."""
    file = notebook.file
    # JSON escapes quotes in the text of a cell, so this pattern only matches a key.
    content, found = re.subn(rb'("reviewed":\s*")[^"]*"', rb"\g<1>" + day.isoformat().encode() + b'"', file.read_bytes())
    if found != 1:
        raise ParameterError(f'{file}: one key "reviewed" is expected, not {found}; clear the outputs, or write the day by hand')
    try:
        file.write_bytes(content)
    except OSError as error:
        raise ParameterError(f"{file} cannot be written ({error.strerror}); let its owner do it") from None


def read(file: Path) -> Notebook:
    """Read the metadata of a notebook. Raises ParameterError, which names the file and the key."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        known, cells = content["metadata"]["rollback"], content["cells"]
        return Notebook(
            file, known["procedure"], known["doc_owner"], known["doc_status"], _cycle(known), _day(known),
            known.get("situation", ""), known.get("action", ""), parameters_cell.names(cells),
            "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"),
        )  # fmt: skip
    except OSError as error:
        raise ParameterError(f"{file} cannot be read ({error.strerror}); make it readable") from None
    except KeyError as missing:
        raise ParameterError(f"{file}: the key {missing} is missing; add it, as the other notebooks have it in metadata.rollback") from None
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{file}: {error}; fix it") from None


def _files(procedure: str = "*") -> list[Path]:
    """The files of these notebooks, in the order of their numbers: those of the runbook folder, and those of this package for procedures
    that it does not have."""
    found: dict[str, Path] = {}
    for place in (SHIPPED / "notebooks", folder()):
        files = sorted(place.glob(f"[0-9][0-9]_{procedure}.ipynb"), reverse=True)
        found |= {file.stem[3:]: file for file in files}
    return sorted(found.values(), key=lambda file: file.name)


def _cycle(known: dict[str, Any]) -> timedelta:
    days = re.fullmatch(r"([1-9]\d{0,3})d", str(known["review_cycle"]))
    if not days:
        raise ValueError(f"review_cycle: a number of days such as 30d is expected, not {known['review_cycle']!r}")
    return timedelta(days=int(days[1]))


def _day(known: dict[str, Any]) -> date:
    try:
        return date.fromisoformat(str(known["reviewed"]))
    except ValueError:
        raise ValueError(f"reviewed: a day such as 2026-11-23 is expected, not {known['reviewed']!r}") from None
