"""One step of a plan: what it runs, what that changes, and when."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import ConfigDict

from rollback_lib.commands.command import Command
from rollback_lib.secrets.secret import Secret


class Changes(StrEnum):
    """What a step changes.

    NOTHING: it leaves the stack as it is. TRIAL: the same, and that it fails is a finding, which stops nothing. STACK: it changes
    what serves, and may fail halfway. AT_ONCE: it changes what serves, all of it or nothing. DATA: the same, and it loses data,
    so the list of losses has to be accepted before.
    """

    NOTHING = "nothing"
    TRIAL = "trial"
    STACK = "stack"
    AT_ONCE = "at once"
    DATA = "data"


class When(StrEnum):
    """When a step runs: ALWAYS, only where the routes do not pass by themselves (UNHEALTHY), or only where they do (HEALTHY)."""

    ALWAYS = "always"
    UNHEALTHY = "unhealthy"
    HEALTHY = "healthy"


@dataclass(frozen=True)
class Step:
    """One step.

    `guards` only look, and run first in the same job: where one fails, nothing of the step was done. `part` is the part of the
    host that the step changes, the same word as in the effects that tell of it. `skip` says in a sentence why there is nothing to
    do. `deadline` is in seconds. `send` is what the commands read from their standard input, `sends` says what it is, `sent` tells
    it from any other (`Secret.digest`).
    """

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)  # of `send`, which no record has

    name: str
    title: str
    why: str
    commands: tuple[Command, ...] = ()
    changes: Changes = Changes.NOTHING
    when: When = When.ALWAYS
    guards: tuple[Command, ...] = ()
    part: str = ""
    skip: str | None = None
    deadline: float = 120.0
    send: Secret | None = None
    sends: str = ""
    sent: str = ""

    @property
    def script(self) -> tuple[Command, ...]:
        """All that runs, in its order."""
        return (*self.guards, *self.commands)

    @property
    def touches(self) -> bool:
        """Whether it changes the stack; a failure of any other leaves the stack as it was."""
        return self.changes in (Changes.STACK, Changes.AT_ONCE, Changes.DATA)

    @property
    def atomic(self) -> bool:
        """Whether it does all or nothing."""
        return self.changes in (Changes.AT_ONCE, Changes.DATA)

    @property
    def loses(self) -> bool:
        """Whether it needs the list of losses accepted."""
        return self.changes is Changes.DATA

    @property
    def trial(self) -> bool:
        """Whether its failure is only a finding."""
        return self.changes is Changes.TRIAL
