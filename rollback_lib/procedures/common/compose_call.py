"""How docker compose was called for a service. Its containers say so in their labels; this also covers a service without any."""

from collections.abc import Sequence

from rollback_lib.commands.compose import Compose
from rollback_lib.errors import Refused
from rollback_lib.facts import docker
from rollback_lib.facts.docker import Container
from rollback_lib.facts.releases import Release
from rollback_lib.stack.model import Stack


def way(stack: Stack, service: str, containers: Sequence[Container], ledger: Sequence[Release]) -> Compose | None:
    """How compose is called for `service`; None if nothing says so. The first of these that says it counts: the labels of its newest
    container, the section `compose` of the stack, the newest line of the service in the ledger, the other services of the stack if
    compose is called in the same way for all of them. For these, their containers count, or the ledger if there are no containers."""
    mine = docker.newest(container for container in containers if container.service == service)
    if mine:
        return mine.compose
    if stack.compose:
        return Compose(stack.compose_directory, tuple(stack.compose.files), stack.compose.project, tuple(stack.compose.env_files))
    entered = {release.service: release.compose for release in ledger if release.compose}
    others = {container.compose for container in containers} or set(entered.values())
    return entered.get(service) or (others.pop() if len(others) == 1 else None)


def unknown(stack: Stack, what: str) -> Refused:
    """The error to raise if nothing says how compose is called for `what`."""
    return Refused(
        f"no container of {what} is left on {stack.host} that tells how docker compose was called for it, and a guess could start another "
        f"project, or leave out a file; write it into the stack {stack.name}: compose: {{project: NAME, files: [/PATH, …]}}"
    )
