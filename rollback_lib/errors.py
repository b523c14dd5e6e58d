"""What can go wrong, as a small tree: each error says in one sentence what, where and what to do.

`status` is the exit status of the command line (see README.md).
"""


class RollbackError(Exception):
    """Base of every error this project raises on purpose."""

    status = 3


class LabError(RollbackError):
    """The practice host could not be made, started or broken."""
