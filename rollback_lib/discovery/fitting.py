"""Whether a stack file may hold a value: what is found on a host may have any name."""

from typing import Any

from pydantic import TypeAdapter, ValidationError


def fits(kind: Any, value: object) -> bool:
    """Whether a type of the stack's model takes the value."""
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True
