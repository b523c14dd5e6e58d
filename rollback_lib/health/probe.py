"""Probes: what came of asking a route, and what many of them say together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rollback_lib.secrets.redactor import clean


@dataclass(frozen=True)
class Probe:
    """One request over a route: `status` is the HTTP status, None when there was no answer; `seconds` it took; `said` is
    what came back, or what went wrong, as it was; `certificate` is from when to when the route's certificate is good."""

    route: str
    at: datetime
    ok: bool
    status: int | None
    seconds: float
    said: str
    certificate: tuple[datetime, datetime] | None = None

    @property
    def words(self) -> str:
        """The beginning of what was said. Secrets are taken out before it is cut, as half of one could not be known."""
        return clean(self.said)[:200].strip()


def passes_in_a_row(results: Sequence[bool], wanted: int) -> bool:
    """Whether the last `wanted` results are there and all passed."""
    return len(results) >= wanted and all(results[-wanted:])
