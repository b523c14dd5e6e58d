"""A step of a plan: what it runs, what it changes, and when it runs."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import ConfigDict

from rollback_lib.commands.command import Command
from rollback_lib.secrets.secret import Secret


class Changes(StrEnum):
    """What a step changes.

    NOTHING: it leaves the stack as it is. TRIAL: it leaves the stack as it is, and a failure is a finding that does not stop the run.
    STACK: it changes the running stack, and may fail halfway. AT_ONCE: it changes the running stack either completely or not at all.
    DATA: like AT_ONCE, but data is lost, so a person must accept the list of losses before.
    """

    NOTHING = "nothing"
    TRIAL = "trial"
    STACK = "stack"
    AT_ONCE = "at once"
    DATA = "data"


class When(StrEnum):
    """When a step runs: ALWAYS, only if the routes do not become healthy by themselves (UNHEALTHY), or only if they do (HEALTHY)."""

    ALWAYS = "always"
    UNHEALTHY = "unhealthy"
    HEALTHY = "healthy"


@dataclass(frozen=True)
class Step:
    """A step of a plan.

    `title` and `why` are for people. `guards` are commands that change nothing and run first, in the same job; if one fails, the step
    does nothing. `part` is the part of the host that the step changes, the same word as in the effects about it. `skip` says in a
    sentence why the step is not needed; None if it is. `deadline` is in seconds. `send` is what the commands read from standard input.
    `sends` says in words what that is, and `sent` is its hash (`Secret.digest`).
    """

    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True)  # for `send`, which is in no record

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
        """All commands that run, in order: the guards first."""
        return (*self.guards, *self.commands)

    @property
    def touches(self) -> bool:
        """Whether the step changes the stack. If not, its failure leaves the stack as it was."""
        return self.changes in (Changes.STACK, Changes.AT_ONCE, Changes.DATA)

    @property
    def atomic(self) -> bool:
        """Whether the step changes the stack either completely or not at all."""
        return self.changes in (Changes.AT_ONCE, Changes.DATA)

    @property
    def loses(self) -> bool:
        """Whether the step loses data, so that the list of losses must be accepted before."""
        return self.changes is Changes.DATA

    @property
    def trial(self) -> bool:
        """Whether a failure of the step is only a finding."""
        return self.changes is Changes.TRIAL
