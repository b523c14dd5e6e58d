"""How docker compose is called for a service that may have no container left to tell."""

from collections.abc import Sequence

from rollback_lib.commands.compose import Compose
from rollback_lib.errors import Refused
from rollback_lib.facts import docker
from rollback_lib.facts.docker import Container
from rollback_lib.facts.releases import Release
from rollback_lib.stack.model import Stack


def way(stack: Stack, service: str, containers: Sequence[Container], ledger: Sequence[Release]) -> Compose | None:
    """As the labels of its container say; else as the stack's section `compose` does, or the ledger's newest line of the service;
    else as for the other services of the stack, by their containers, or by the ledger where there are none, if that is one way for
    all. None where nothing tells."""
    mine = docker.newest(one for one in containers if one.service == service)
    if mine:
        return mine.compose
    if stack.compose:
        return Compose(stack.compose_directory, tuple(stack.compose.files), stack.compose.project, tuple(stack.compose.env_files))
    entered = {one.service: one.compose for one in ledger if one.compose}
    others = {one.compose for one in containers} or set(entered.values())
    return entered.get(service) or (others.pop() if len(others) == 1 else None)


def unknown(stack: Stack, what: str) -> Refused:
    """The refusal where nothing tells how compose is called for `what`."""
    return Refused(
        f"no container of {what} is left on {stack.host} that tells how docker compose was called for it, and a guess could start another "
        f"project, or leave out a file; write it into the stack {stack.name}: compose: {{project: NAME, files: [/PATH, …]}}"
    )
