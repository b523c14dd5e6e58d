"""The headers that routes are asked with: their values are known by reference, and stand in no file and in no command."""

import os
import re
from collections.abc import Mapping, Sequence

from rollback_lib.errors import ParameterError, Refused
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.route import Route

# What a header's value may have in it (RFC 9110, section 5.5).
_VALUE = re.compile(rb"[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?")
Values = Mapping[str, Secret]  # of the stack's references


def check_variables(routes: Sequence[Route]) -> None:
    """Raises ParameterError when a header's value is in a variable that our environment does not have."""
    for route, name, reference in _all(routes):
        variable = reference.removeprefix("env:")
        if variable != reference and not os.environ.get(variable):
            raise ParameterError(f"route {route.name}: headers.{name}: your environment has no variable {variable}; export it first")


def check_values(routes: Sequence[Route], values: Values) -> None:
    """Raises Refused when a header's value is not there, or cannot be sent: health could not be measured."""
    for route, name, reference in _all(routes):
        if reference not in values:
            raise Refused(f"route {route.name}: headers.{name}: there is no {reference} to take the value from; put it there first")
        if not _VALUE.fullmatch(values[reference].reveal()):
            raise Refused(f"route {route.name}: headers.{name}: what {reference} holds is empty or of several lines, and no header's value")


def of_environment(routes: Sequence[Route]) -> dict[str, Secret]:
    """The values that are in our own environment, where no host is asked for the others."""
    names = {reference: reference.removeprefix("env:") for _, _, reference in _all(routes)}
    return {reference: Secret(os.environ[name].strip()) for reference, name in names.items() if name in os.environ}


def of_route(route: Route, values: Values) -> dict[bytes, bytes]:
    """The headers of a route with their values. Raises LookupError, naming the reference, where one is not known."""
    return {name.encode(): values[reference].reveal() for name, reference in route.headers.items()}


def _all(routes: Sequence[Route]) -> list[tuple[Route, str, str]]:
    return [(route, name, reference) for route in routes for name, reference in route.headers.items()]
