"""The cell of a notebook with the tag `parameters`. It has a line for each parameter: `name: str = "value"  # what it means`."""

import ast
import json
from collections.abc import Iterable, Mapping
from typing import Any


def is_it(cell: Mapping[str, Any]) -> bool:
    """Whether a cell is the parameters cell."""
    return "parameters" in cell["metadata"].get("tags", ())


def names(cells: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The names of a notebook's parameters; none if it has no parameters cell."""
    lines = next(("".join(cell["source"]).splitlines() for cell in cells if is_it(cell)), [])
    return tuple(name for line in lines if (name := _name(line)))


def loses_data(names: Iterable[str], given: Mapping[str, str]) -> bool:
    """Whether a run with these parameters loses data, so that somebody has to accept that: its notebook asks for it, and where databases
    are a choice, some are given."""
    known = set(names)
    return "accept_loss" in known and ("databases" not in known or bool(given.get("databases")))


def filled(line: str, parameters: Mapping[str, str]) -> str:
    """A line of the cell, with the value from `parameters` if they have one for its name."""
    name = _name(line)
    if name not in parameters:
        return line
    comment = line.partition("  # ")[2]
    return f"{name}: str = {json.dumps(parameters[name], ensure_ascii=False)}" + (f"  # {comment}" if comment else "\n")


def _name(line: str) -> str:
    """The name that a line assigns to; "" if it is no annotated assignment."""
    try:
        statements = ast.parse(line.strip()).body
    except SyntaxError:
        return ""
    known = [
        statement.target.id for statement in statements if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    ]
    return known[0] if known else ""
