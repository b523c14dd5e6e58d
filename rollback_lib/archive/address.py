"""Which archive a record belongs to, and for how long it is locked there.

Every run asks this, and few have an archive: the model of a stack, which takes long to import, is imported only for those.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollback_lib.errors import ParameterError

VARIABLE = "ROLLBACK_ARCHIVE"  # the archive of records whose stack names none


@dataclass(frozen=True)
class Destination:
    """Where a record is archived. `days` is how long it is locked, where the store has object lock."""

    address: str
    days: int


def destination(folder: Path) -> Destination | None:
    """The archive of the record in `folder`: that of its stack, else that of the environment; None for none. Raises ParameterError."""
    stack = _stack(folder)
    named = stack.get("archive")
    address = checked(named, f"stack.json of {folder.name}: archive") if named else of_environment()
    if address is None:
        return None
    from rollback_lib.stack.model import Retention

    days = stack.get("retention", {}).get("archive_days", Retention().archive_days)
    return Destination(address, int(days))


def of_environment() -> str | None:
    """The archive that ROLLBACK_ARCHIVE names; None for none. Raises ParameterError."""
    named = os.environ.get(VARIABLE)
    return checked(named, VARIABLE) if named else None


def named(where: str) -> str:
    """The archive at an address, or that of a stack. Raises ParameterError."""
    if "://" in where:
        return checked(where, "--archive")
    from rollback_lib.stack.model import Stack

    address = Stack.load(where).archive or of_environment()
    if address is None:
        raise ParameterError(f"the stack {where} has no archive, and {VARIABLE} is not set; name the archive by its address")
    return address


def days(where: str) -> int:
    """For how long the archive at an address, or that of a stack, locks what is sent to it. Raises ParameterError."""
    from rollback_lib.stack.model import Retention, Stack

    return (Retention() if "://" in where else Stack.load(where).retention).archive_days


def checked(address: str, origin: str) -> str:
    """The address, if it is one. Raises ParameterError that names its origin, and does not repeat what may be a password."""
    from rollback_lib.stack.values import archive_address

    try:
        return archive_address(address)
    except ValueError as error:
        raise ParameterError(f"{origin}: {error}") from None


def _stack(folder: Path) -> dict[str, Any]:
    """The stack of a record, as it was then; empty if the record has none."""
    try:
        content = json.loads((folder / "stack.json").read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
