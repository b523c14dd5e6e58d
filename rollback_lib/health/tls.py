"""The certificate authorities that a route's TLS is verified against."""

import ssl
from collections.abc import Sequence

from rollback_lib.errors import ParameterError
from rollback_lib.stack.route import Route
from rollback_lib.stack.values import local_path


def check_authorities(routes: Sequence[Route]) -> None:
    """Raise ParameterError if the `ca` of any route is not a file of certificates."""
    for route in routes:
        authorities(route)


def authorities(route: Route) -> ssl.SSLContext:
    """A TLS context that trusts the route's own `ca`, or the system's authorities if it has none.

    Raises ParameterError if `ca` is not a file of certificates.
    """
    if route.ca is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=str(local_path(route.ca)))
    except (OSError, ssl.SSLError):
        raise ParameterError(
            f"route {route.name}: ca: {local_path(route.ca)} is not a file of certificates; for the practice host run `rollback lab up`"
        ) from None
