"""How a release rollback gives services new containers."""

from collections.abc import Iterable, Mapping

from rollback_lib.commands.command import Command
from rollback_lib.commands.compose import Compose
from rollback_lib.procedures.redeploy import attach
from rollback_lib.procedures.release.state import State

Ways = Mapping[str, tuple[Compose, int]]  # services, each with how compose is called for it and how many containers it has


def up(services: Ways) -> tuple[Command, ...]:
    """The commands that recreate the services. Those for which compose is called in the same way share one `up`."""
    ways: dict[Compose, dict[str, int]] = {}
    for name, (way, count) in services.items():
        ways.setdefault(way, {})[name] = count
    return tuple(way.up(mine) for way, mine in ways.items())


def attach_again(now: State, services: Iterable[str]) -> tuple[Command, ...]:
    """The command that puts new containers of the services on the networks that the old ones were put on by hand."""
    names = {one.name for name in services for one in now.of(name)}
    by_hand = [one for one in now.attachments.all if one.container in names and not _own(now, one.network)]
    return (attach.connect(by_hand),) if by_hand else ()


def _own(now: State, network: str) -> bool:
    """Whether a network is one that compose makes for the stack."""
    projects = {one.compose.project for one in now.containers}
    return any(network.startswith(f"{project}_") for project in projects if project)
