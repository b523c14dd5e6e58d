"""When health counts, and how long an outage was."""

from datetime import UTC, datetime, timedelta

import pytest

from rollback_lib.health import Watch
from rollback_lib.probe import Probe, outage, passes_in_a_row

START = datetime(2026, 1, 1, tzinfo=UTC)


def probe(second: float, ok: bool, route: str = "a") -> Probe:
    return Probe(route, START + timedelta(seconds=second), ok, 200 if ok else 500, 0.01, "")


@pytest.mark.parametrize(
    ("results", "wanted", "healthy"),
    [([True] * 3, 3, True), ([True] * 2, 3, False), ([False, True, True, True], 3, True), ([True, True, False], 1, False), ([], 1, False)],
)
def test_passes_in_a_row(results: list[bool], wanted: int, healthy: bool) -> None:
    assert passes_in_a_row(results, wanted) is healthy


def test_a_probe_without_answer_among_answered_ones_does_not_pass() -> None:
    begun = [(START, probe(0, True)), (START, None), (START, probe(2, True)), (START, None)]
    assert Watch._results(begun, START) == [True, False, True]


def test_outage_is_from_the_first_failure_to_the_next_pass() -> None:
    assert outage([probe(0, True), probe(1, False), probe(2, False), probe(3, True), probe(4, True)]) == 2
    assert outage([probe(0, True), probe(1, True)]) == 0
    assert outage([probe(0, False, "a"), probe(9, True, "a"), probe(0, False, "b"), probe(1, True, "b")]) == 9
