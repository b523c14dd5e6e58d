"""What can go wrong, as a small tree: each error says in one sentence what, where and what to do.

`status` is the exit status of the command line (docs/exit-statuses.md).
"""


class RollbackError(Exception):
    """Base of every error this project raises on purpose."""

    status = 3


class ParameterError(RollbackError):
    """A parameter is wrong; nothing was contacted."""

    status = 2


class NoRunbookFolder(ParameterError):
    """There is no folder with notebooks and stack files."""


class LabError(RollbackError):
    """The practice host could not be made, started or broken."""


class NoDocker(LabError):
    """This machine cannot run Docker Engine; nothing was installed."""

    status = 2


class Refused(RollbackError):
    """A condition for continuing is not met; the host is as it was."""


class ConnectionRefused(Refused):
    """The host could not be reached, did not accept our key, or is not who it should be."""


class TargetRefused(Refused):
    """The target does not exist, is ambiguous, or could not be proven."""


class NotConfirmed(Refused):
    """Changing the host was not confirmed."""


class NotApproved(Refused):
    """Another person has to approve the plan first."""


class Unanswered(Refused):
    """A required point of the checklist is open."""


class Paused(RollbackError):
    """A person stopped the run between two steps; it continues when its next cell is run again."""


class Locked(Refused):
    """Someone else holds the stack."""


class Drifted(Refused):
    """The host is no longer as the plan assumed."""


class NotStarted(Refused):
    """A job could not be started on the host; nothing of it ran."""


class NeverStarts(NotStarted):
    """A job was told to end before it had begun, so the host never starts a job of that name."""


class NothingRan(NotStarted):
    """The host let us in, and its login shell, or sudo, did not run what it was given."""


class GuardFailed(NotStarted):
    """A look just before a step, in the same job, found that it must not run; nothing of it ran."""


class CommandFailed(RollbackError):
    """A command on the host exited with a status other than 0, or ran past its deadline."""

    status = 5


class LinkLost(RollbackError):
    """The connection broke while a command was running; what became of it is not known."""

    status = 6


class LockLost(RollbackError):
    """Someone took the stack over while this run held it."""

    status = 5


class Failed(RollbackError):
    """The rollback did not reach health; `restored` tells whether the host is back in its prior state."""

    def __init__(self, message: str, *, restored: bool) -> None:
        super().__init__(message)
        self.restored = restored
        self.status = 4 if restored else 5
