"""What a plan notes of nginx for later."""

from rollback_lib.plan.noted import Noted


class Before(Noted):
    """What was before: the hash of the file, and the process ids of the workers."""

    file: str
    workers: tuple[str, ...]


class After(Noted):
    """What is asked for: the hash of the file."""

    file: str
