"""All parameters of a run, before anything is contacted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rollback_lib.authorities import check_authorities
from rollback_lib.errors import ParameterError
from rollback_lib.procedures import PROCEDURES
from rollback_lib.stack import Stack

MODES = ("plan", "apply")
ON_FAILURE = ("stop", "undo")


def check(
    procedure: str, stack: "str | Path | Mapping[str, Any] | Stack", *,
    mode: object, on_failure: object, reason: object, **parameters: object,
) -> Stack:  # fmt: skip
    """Every parameter, those of the procedure too, before anything is contacted. Raises ParameterError."""
    if procedure not in PROCEDURES:
        raise ParameterError(f"there is no procedure {procedure!r}; there are: {', '.join(PROCEDURES)}")
    for name, value, allowed in (("mode", mode, MODES), ("on_failure", on_failure, ON_FAILURE)):
        if value not in allowed:
            raise ParameterError(f"{name}: one of {', '.join(allowed)} is expected, not {value!r}")
    if not isinstance(reason, str):
        raise ParameterError(f"reason: a text is expected, not {reason!r}")
    loaded = Stack.load(stack)
    PROCEDURES[procedure].check(loaded, **parameters)
    check_authorities(loaded.routes)
    return loaded
