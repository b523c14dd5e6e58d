"""What the plan of an image rollback notes about the host: the containers, and which image the next `up` starts."""

from rollback_lib.commands.compose import Compose
from rollback_lib.plan.noted import Noted
from rollback_lib.procedures.common.replicas import Replicas


class Before(Noted):
    """The state of `service` before the rollback. `named` is the image that the next `up` would have started. `file` is the path of the
    file that the choice is written to, None if no file is written."""

    service: str
    named: str
    file: str | None
    replicas: Replicas


class After(Noted):
    """The state that is asked for. `kept` is the rollback/ tag of the image. `named` is the image that the next `up` starts, if compose
    is called as in `compose`."""

    kept: str
    named: str
    compose: Compose
