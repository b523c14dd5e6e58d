"""What stands below an event of a run."""

from rollback_lib.terminal import blocks

SINCE = "2026-11-29T10:00:00+00:00"
CHANGE = {"when": "2026-11-29T11:30:00+00:00", "kind": "env file", "what": "/opt/shop/.env"}


def texts(**found: object) -> list[str]:
    return [line.text for line in blocks.found({"healthy": False, "findings": [], "rows": [], **found})]


def test_triage_begins_with_what_changed_since_the_stack_was_healthy() -> None:
    assert texts(healthy_before=SINCE, changed_since=[CHANGE]) == [
        "Changed since it was healthy, 2026-11-29 10:00 UTC",
        "env file: /opt/shop/.env",
    ]
    assert texts(healthy_before=SINCE, changed_since=[]) == ["Nothing is known to have changed since it was healthy, 2026-11-29 10:00 UTC"]
    assert texts(healthy_before=None, changed_since=[CHANGE]) == [], "nobody knows since when"
    assert texts(healthy=True, healthy_before=SINCE, changed_since=[CHANGE]) == []
