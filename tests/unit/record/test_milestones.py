"""What a record keeps of its run for statistics: from the confirmation to health, and nothing where that is not known."""

from typing import Any

import pytest

from rollback_lib.record.milestones import milestones
from tests.builders.events import at, begin, end, verdict, verified

CONFIRMED = {"event": "confirmed", "plan": "p", "at": at(2)}
RAN = [begin("recreate", 3), end("recreate")]
WELL = {**verified(), "at": at(30)}


def told(*events: dict[str, Any]) -> dict[str, Any]:
    return milestones(events)


def test_it_counts_from_the_first_confirmation_of_the_plan_to_the_verification() -> None:
    again = {**CONFIRMED, "at": at(9)}
    other = {**CONFIRMED, "plan": "another", "at": at(1)}
    assert told(other, CONFIRMED, again, *RAN, WELL, verdict("succeeded")) == {"changed": True, "healthy_seconds": 28.0}


@pytest.mark.parametrize("events", [
    [CONFIRMED, *RAN, {**WELL, "ok": False}, verdict("failed-partly")],
    [CONFIRMED, *RAN, {**WELL, "all_routes": False, "ill": ["web"]}, verdict("succeeded")],
    [CONFIRMED, *RAN, verdict("unknown")],
    [CONFIRMED, *RAN, WELL, verdict("failed-restored")],
    [{**CONFIRMED, "at": at(40)}, *RAN, WELL, verdict("succeeded")],
    [*RAN, WELL, verdict("succeeded")],
], ids=["not verified", "a route ill as then", "cut off", "undone by the host", "a clock set back", "never confirmed"])  # fmt: skip
def test_where_it_is_not_known_there_is_no_time(events: list[dict[str, Any]]) -> None:
    assert told(*events) == {"changed": True, "healthy_seconds": None}


def test_a_run_that_changed_nothing_says_so() -> None:
    assert told(CONFIRMED, begin("keep", touches=False), verdict("refused")) == {"changed": False, "healthy_seconds": None}
    assert told(verdict("planned")) == {"changed": False, "healthy_seconds": None}
