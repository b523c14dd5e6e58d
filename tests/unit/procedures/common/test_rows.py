"""One line of a look at a host."""

from datetime import UTC, datetime, timedelta

import pytest

from rollback_lib.health.probe import Probe
from rollback_lib.procedures.common.rows import AMBER, GREEN, RED, of_certificates


@pytest.mark.parametrize(
    ("good_for", "whole", "level"),
    [(80, 90, GREEN), (20, 90, AMBER), (5, 90, RED), (-1, 90, RED), (0.3, 0.5, GREEN), (0.1, 0.5, AMBER), (0.01, 0.5, RED)],
)
def test_what_is_left_of_a_certificate_is_seen_against_its_whole_time(good_for: float, whole: float, level: str) -> None:
    now = datetime.now(UTC)
    end = now + timedelta(days=good_for)
    probe = Probe("api", now, True, 200, 0.1, "", (end - timedelta(days=whole), end))
    (row,) = of_certificates([probe, Probe("plain", now, True, 200, 0.1, "")])
    assert (row.level, bool(row.do)) == (level, level != GREEN)
