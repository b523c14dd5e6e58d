"""What the plan of a mark notes: what it enters."""

from rollback_lib.plan.noted import Noted


class Entered(Noted):
    """A line of the ledger: `commit` and `image` are "" where they are not known; `kept` is the name under which the image stays, "" where
    it is not kept."""

    service: str
    commit: str
    image: str
    kept: str


class After(Noted):
    """`releases` are entered as `healthy` or as bad, and so are copies of `files`, by their paths."""

    healthy: bool
    releases: tuple[Entered, ...]
    files: tuple[str, ...]
