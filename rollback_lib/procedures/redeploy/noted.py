"""What the plan of a redeploy notes of the host: the containers of every service, and all that has to be as it was around them."""

from rollback_lib.plan.noted import Noted
from rollback_lib.procedures.common.replicas import Replicas


class Mounted(Noted):
    """A volume as it is mounted; `made` is when it was made, "missing" where there is none of its name."""

    container: str
    path: str
    volume: str
    made: str


class Attached(Noted):
    """A container on a network, which has to be put back."""

    container: str
    network: str
    aliases: tuple[str, ...]


class Before(Noted):
    """What was before, by service; `containers` are those that have to be there afterwards, `others` those of others that are put back on
    their networks."""

    services: dict[str, Replicas]
    volumes: tuple[Mounted, ...]
    containers: tuple[str, ...]
    others: tuple[str, ...]


class After(Noted):
    """What is asked for: the images that are built, by service, and what is put back on which network."""

    built: dict[str, str]
    attached: tuple[Attached, ...]
