"""All stacks that the runbook folder knows."""

from rollback_lib.errors import ParameterError
from rollback_lib.settings import home
from rollback_lib.stack.model import Stack, lasting

EXAMPLE = "example"  # the file that `rollback init` brings to be copied; it is of no stack


def every(given: str = "") -> dict[str, Stack | ParameterError]:
    """The stacks in parameters/, by the names of their files, and the one that is `given`, which comes first ("" for none). Of a file that
    cannot be read, the error that says why. Raises NoRunbookFolder."""
    first = [lasting(given)] if given else []
    files = [file.stem for file in sorted((home() / "parameters").glob("*.yaml")) if file.stem != EXAMPLE]
    return {name: _loaded(name) for name in dict.fromkeys([*first, *files])}


def _loaded(name: str) -> Stack | ParameterError:
    try:
        return Stack.load(name)
    except ParameterError as error:
        return error
