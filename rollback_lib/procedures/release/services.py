"""The networks of containers that a release rollback recreates."""

from collections.abc import Iterable

from rollback_lib.commands.command import Command
from rollback_lib.procedures.redeploy import attach
from rollback_lib.procedures.release.state import State


def attach_again(now: State, services: Iterable[str]) -> tuple[Command, ...]:
    """The command that puts new containers of the services on the networks that the old ones were put on by hand."""
    names = {one.name for name in services for one in now.of(name)}
    by_hand = [one for one in now.attachments.all if one.container in names and not _own(now, one.network)]
    return (attach.connect(by_hand),) if by_hand else ()


def _own(now: State, network: str) -> bool:
    """Whether a network is one that compose makes for the stack."""
    projects = {one.compose.project for one in now.containers}
    return any(network.startswith(f"{project}_") for project in projects if project)
