"""Who holds the lock of a stack, and what the holder left in the stack's folder for those who follow its run."""

import re

from rollback_lib.commands.command import Command
from rollback_lib.errors import ParameterError
from rollback_lib.facts.fact import Fact
from rollback_lib.host import following, lock
from rollback_lib.plan.plan import Plan

_LARGEST = 8 * 1024 * 1024  # bytes of a plan
_SECONDS = re.compile(r"\+ (\d+)\)\)")  # in the first lines of the job of a dead man's switch


def holder(state: str) -> Fact[lock.Owner | None]:
    """Whose lock it is now; None where it is free."""
    return Fact((lock.look(state),), lock.read_holder, missing=f"the lock in {state} cannot be read")


def readable(state: str) -> Fact[None]:
    """Nothing, if we may read the stack's folder; else it is refused."""
    return Fact((following.readable(state),), lambda _: None, missing=f"the runs of this stack are in {state} on its host")


def plan(state: str, incident: str) -> Fact[Plan | None]:
    """The plan of the incident that holds the lock; None where it is not there, or of another version."""

    def read(out: str) -> Plan | None:
        try:
            return Plan.from_json(out)
        except ParameterError:
            return None

    return Fact((Command.of("cat", f"{state}/jobs/{incident}/{lock.PLAN}"),), read, otherwise=lambda _: None, keep=_LARGEST)


def switch(state: str, incident: str) -> Fact[int | None]:
    """After how many seconds the dead man's switch of an incident undoes it; None if that cannot be told."""

    def read(out: str) -> int | None:
        found = _SECONDS.search(out)
        return int(found[1]) if found else None

    return Fact((Command.of("head", "-n", "9", f"{state}/jobs/{incident}/revert/script"),), read, otherwise=lambda _: None)
