"""What the plan of a redeploy notes about the host: the containers of every service, and the volumes and networks that must stay."""

from rollback_lib.plan.noted import Noted
from rollback_lib.procedures.common.replicas import Replicas


class Mounted(Noted):
    """A volume as it is mounted. `made` is when it was made, "missing" if there is no volume of this name."""

    container: str
    path: str
    volume: str
    made: str


class Attached(Noted):
    """A container that has to be attached to a network again."""

    container: str
    network: str
    aliases: tuple[str, ...]


class Before(Noted):
    """The state before the redeploy. `containers` must exist afterwards. `others` are containers outside of the stack that are put back
    on their networks."""

    services: dict[str, Replicas]
    volumes: tuple[Mounted, ...]
    containers: tuple[str, ...]
    others: tuple[str, ...]


class After(Noted):
    """The state that is asked for: the images that are built, by service, and the containers that are put back on networks."""

    built: dict[str, str]
    attached: tuple[Attached, ...]
