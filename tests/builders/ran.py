"""Builds records as the index has them for statistics."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from rollback_lib.record.index import FAILED, Ran

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
_numbers = count(1)


def ran(at: timedelta = timedelta(), verdict: str = "succeeded", healthy: float | None = None, procedure: str = "code", **more: Any) -> Ran:
    """A record that was opened so long after BEGAN, and took a minute. Unless told otherwise it was applied, to a stack that serves."""
    opened, ended = BEGAN + at, BEGAN + at + timedelta(minutes=1)
    failed = verdict in FAILED
    known: dict[str, Any] = {
        "place": f"2026/11/01/000000Z-{procedure}-{next(_numbers):06x}", "stack": "shop", "host": "h", "mode": "apply", "practice": False,
        "ended": ended.isoformat(timespec="seconds"), "changed": verdict == "succeeded" or failed,
        "failed": verdict if failed else "", "failed_at": ended.isoformat(timespec="seconds") if failed else "",
    }  # fmt: skip
    return Ran(
        **{**known, "opened": opened.isoformat(timespec="seconds"), "procedure": procedure, "verdict": verdict, "healthy": healthy, **more}
    )
