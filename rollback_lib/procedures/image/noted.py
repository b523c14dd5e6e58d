"""What the plan of an image rollback notes of the host: the containers, and which image the next `up` starts."""

from rollback_lib.commands.compose import Compose
from rollback_lib.plan.noted import Noted
from rollback_lib.procedures.common.replicas import Replicas


class Before(Noted):
    """What was before, of `service`: `named` is the image that the next `up` started; `file` the one that the choice is written to, None
    where none is written."""

    service: str
    named: str
    file: str | None
    replicas: Replicas


class After(Noted):
    """What is asked for: `kept` is our name of the image, `named` the one that the next `up` starts, by `compose` from then on."""

    kept: str
    named: str
    compose: Compose
