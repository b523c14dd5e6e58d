"""What the plan of an undo notes: the host as the run had left it, and the rollback at the root of a row of undos."""

from enum import StrEnum
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator

from rollback_lib.plan.noted import Noted
from rollback_lib.plan.plan import Plan


def _plan(known: object) -> Plan:
    return known if isinstance(known, Plan) else Plan.from_plain(known)


class Side(StrEnum):
    """The side of a rollback: what was before it, or what it brought about."""

    BEFORE = "before"
    AFTER = "after"

    @property
    def other(self) -> "Side":
        return Side.BEFORE if self is Side.AFTER else Side.AFTER


class Before(Noted):
    """What the undo found, by the names of the effects of the run that it undoes."""

    found: dict[str, str]


class After(Noted):
    """What is asked for: to be on that side of the rollback `root`; `half` where the run that is undone did not come to its end."""

    root: Annotated[Plan, PlainValidator(_plan), PlainSerializer(Plan.plain)]
    side: Side
    half: bool
