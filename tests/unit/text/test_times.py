"""Times in words."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from rollback_lib.text import times

AT = datetime(2026, 11, 24, 3, 12, 4, 250_000, tzinfo=UTC)


def test_a_moment_is_shown_in_utc_whatever_the_clock_of_its_host_is_set_to() -> None:
    there = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    for at in (AT, there):
        assert times.clock(at) == "03:12:04"
        assert times.exact_clock(at) == "03:12:04.250"
        assert times.day(at) == "2026-11-24"
        assert times.minute(at) == "2026-11-24 03:12 UTC"
        assert times.second(at) == "2026-11-24 03:12:04"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3, "0 s ago"), (0, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (600, "10 min ago"), (3600, "1 h ago"), (200_000, "2 d ago")],
)
def test_an_age_has_the_largest_unit_that_fits(seconds: float, words: str) -> None:
    assert times.ago(AT - timedelta(seconds=seconds), AT) == words


def test_an_age_is_as_of_now() -> None:
    assert times.ago(datetime.now(UTC) - timedelta(minutes=10)) == "10 min ago"


def test_a_duration_is_exact_where_it_was_measured() -> None:
    assert (times.exactly(12.34), times.about(12.34), times.of_budget(12.34, 60.0)) == ("12.3 s", "12 s", "12.3 s of 60 s")


def test_a_duration_that_was_set_is_shown_as_it_was_set() -> None:
    assert [times.given(seconds) for seconds in (60.0, 7.5, 3600)] == ["60 s", "7.5 s", "3600 s"]


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("10m", 600.0), ("2h", 7200.0)])
def test_a_duration_as_a_person_writes_it(text: str, seconds: float) -> None:
    assert times.span(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "10", "m", "1.5m", "-5m", "10 m", "1d", "10m\n"])
def test_any_other_text_is_no_duration(text: str) -> None:
    assert times.span(text) is None


def test_it_is_said_whether_a_budget_was_kept() -> None:
    assert [times.against(took, 60.0) for took in (60.0, 60.1)] == ["60.0 s, within the budget of 60 s", "60.1 s, over the budget of 60 s"]
