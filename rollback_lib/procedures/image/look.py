"""The look of triage at a service whose image comes from a registry."""

from dataclasses import dataclass
from datetime import datetime

from rollback_lib.facts import docker, releases
from rollback_lib.facts.host import Host
from rollback_lib.procedures.common.chosen import chosen
from rollback_lib.procedures.image.state import NAME
from rollback_lib.stack.model import Stack


@dataclass(frozen=True)
class Look:
    """The service: its container, when its image came to the host, and its lines of the ledger."""

    service: str
    container: docker.Container | None
    image: datetime | None
    releases: list[releases.Release]


def look(host: Host, stack: Stack, service: str = "") -> Look:
    """Ask for the service. If the stack has a single one, it need not be named."""
    service = chosen("service", service, stack.section(NAME).names)
    mine, ledger = host.ask(docker.replicas(stack, service)), host.ask(releases.releases(stack.state))
    container = docker.newest(mine.result())
    came = host.ask(docker.image_time(container.image)).result() if container else None
    return Look(service, container, came, [one for one in ledger.result() if one.service == service])
