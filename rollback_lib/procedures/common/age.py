"""Points for a change by its age: a recent change is more likely to be the cause."""

from datetime import UTC, datetime, timedelta

_LATELY, _TODAY = timedelta(hours=1), timedelta(hours=24)


def by_age(when: datetime, words: str) -> tuple[int, str]:
    """Points for a change that was made at `when`, with `words` that describe it."""
    age = datetime.now(UTC) - when
    return (2 if age < _LATELY else 1 if age < _TODAY else 0), words
