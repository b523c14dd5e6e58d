"""What the plan of an undo notes: what it found on the host, and the rollback that the chain of undos began with."""

from enum import StrEnum
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator

from rollback_lib.plan.noted import Noted
from rollback_lib.plan.plan import Plan


def _plan(known: object) -> Plan:
    return known if isinstance(known, Plan) else Plan.from_plain(known)


class Side(StrEnum):
    """A side of a rollback: the state before it, or the state after it."""

    BEFORE = "before"
    AFTER = "after"

    @property
    def other(self) -> "Side":
        return Side.BEFORE if self is Side.AFTER else Side.AFTER


class Before(Noted):
    """The state that the undo found, by the names of the effects of the run that it undoes."""

    found: dict[str, str]


class After(Noted):
    """The state that is asked for: that on one side of the rollback `root`. `half` is True if the run that is undone did not finish."""

    root: Annotated[Plan, PlainValidator(_plan), PlainSerializer(Plan.plain)]
    side: Side
    half: bool
