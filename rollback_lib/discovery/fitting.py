"""Whether a stack file may hold a value: what is found on a host may have any name."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from rollback_lib.stack import model

NAME, PATH, PATTERN, URL = model.Name, model.HostPath, model.Pattern, model.Url
DATABASE, STACK_NAME, CALL = model.DatabaseName, model.ProjectName, model.ComposeCall


def fits(kind: Any, value: object) -> bool:
    """Whether one of these types of the stack's model takes the value."""
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True
