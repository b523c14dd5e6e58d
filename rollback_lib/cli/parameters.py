"""What a command is given for a notebook: its name and its parameters."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path

from rollback_lib.errors import ParameterError

OTHERS = ("resume", "undo")  # notebooks with a command of their own


def notebook(procedure: str) -> Path:
    """The notebook of a procedure. Raises ParameterError."""
    from rollback_lib.runbook import metadata

    source = metadata.notebook(procedure)
    if source is None or procedure in OTHERS:
        known = ", ".join(name for name in metadata.known() if name not in OTHERS)
        raise ParameterError(f"there is no procedure {procedure!r}; there are: {known}")
    return source


def given(words: Sequence[str], source: Path, *, without: Collection[str]) -> dict[str, str]:
    """-p KEY=VALUE as text, its keys checked against the notebook's parameters; those `without` are given in another way.
    Raises ParameterError."""
    known = [name for name in names(source) if name not in without]
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ParameterError(f"-p {word}: KEY=VALUE is expected")
        if key not in known:
            raise ParameterError(f"-p {key}: {source.name} has no such parameter; there are: {', '.join(known)}")
        found[key] = value
    return found


def names(source: Path) -> list[str]:
    """The names of a notebook's parameters."""
    from rollback_lib.runbook import parameters_cell

    return list(parameters_cell.names(json.loads(source.read_text())["cells"]))
