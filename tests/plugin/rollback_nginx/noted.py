"""What a plan notes about nginx."""

from rollback_lib.plan.noted import Noted


class Before(Noted):
    """The state before the rollback: the hash of the file, and the process ids of the workers."""

    file: str
    workers: tuple[str, ...]


class After(Noted):
    """The state that is asked for: the hash of the file."""

    file: str
