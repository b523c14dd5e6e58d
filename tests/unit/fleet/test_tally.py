"""Failures are counted over the whole fleet."""

import pytest

from rollback_lib.fleet.tally import Tally
from tests.builders.fleet import outcome


def fleet(*kinds: str, total: int = 10) -> Tally:
    return Tally.of([outcome(kind, str(number)) for number, kind in enumerate(kinds)], total=total)


def test_what_a_stack_came_to_later_counts() -> None:
    plans = [outcome("planned", name) for name in "abc"]
    tally = Tally.of(plans, [outcome("done", "a")], [outcome("locked", "b")], total=3)
    assert [one.kind for one in tally.outcomes] == ["done", "locked", "planned"]
    assert tally.words == "1 planned, 1 done, 1 locked, of 3 stacks"
    assert (len(tally.done), len(tally.failed), tally.open) == (1, 1, 1)


@pytest.mark.parametrize(("percentage", "beyond"), [(0, True), (19, True), (20, False), (100, False)])
def test_failures_are_of_the_whole_fleet(percentage: float, beyond: bool) -> None:
    assert fleet("done", "locked", "not known").beyond(percentage) == beyond


def test_none_allowed_and_none_failed() -> None:
    assert not fleet("done", "nothing to do").beyond(0)
