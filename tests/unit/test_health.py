"""When health counts."""

from datetime import UTC, datetime, timedelta

import pytest

from rollback_lib.health import Watch
from rollback_lib.probe import Probe, passes_in_a_row

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
