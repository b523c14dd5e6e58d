"""Probes: single requests over a route, and when several of them count as healthy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rollback_lib.secrets.redactor import clean


@dataclass(frozen=True)
class Probe:
    """One request over a route, sent at `at`, which passed or failed (`ok`).

    `status` is the HTTP status, None if there was no answer. `seconds` is how long it took. `said` is the beginning of the body, or the
    error; secrets are not masked in it. `certificate` is from when to when the route's certificate is valid.
    """

    route: str
    at: datetime
    ok: bool
    status: int | None
    seconds: float
    said: str
    certificate: tuple[datetime, datetime] | None = None

    @property
    def words(self) -> str:
        """The beginning of `said`, 200 characters at most. Secrets are masked before it is cut, since half a secret is not recognised."""
        return clean(self.said)[:200].strip()


def passes_in_a_row(results: Sequence[bool], wanted: int) -> bool:
    """Whether there are at least `wanted` results, and the last `wanted` of them all passed."""
    return len(results) >= wanted and all(results[-wanted:])
