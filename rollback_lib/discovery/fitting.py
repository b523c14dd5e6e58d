"""Whether a stack file may hold a value: what is found on a host may have any name."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from rollback_lib.stack import values
from rollback_lib.stack.model import ComposeCall

NAME, PATH, PATTERN, URL = values.Name, values.HostPath, values.Pattern, values.Url
DATABASE, STACK_NAME, CALL = values.DatabaseName, values.ProjectName, ComposeCall


def fits(kind: Any, value: object) -> bool:
    """Whether one of these types of the stack's model takes the value."""
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True
