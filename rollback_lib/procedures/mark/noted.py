"""What the plan of a mark notes: what it enters."""

from rollback_lib.plan.noted import Noted


class Entered(Noted):
    """A line of the ledger. `commit` and `image` are "" if they are not known. `kept` is the name under which the image is kept, "" if it
    is not."""

    service: str
    commit: str
    image: str
    kept: str


class After(Noted):
    """The state that is asked for: `releases` are entered as healthy or, if not `healthy`, as bad. Copies of `files` (paths) are kept in
    the same way."""

    healthy: bool
    releases: tuple[Entered, ...]
    files: tuple[str, ...]
