"""The runs at one outage: from one that brought the stack to health to the next that did."""

from datetime import timedelta

from rollback_lib.record.episode import episode
from tests.builders.ran import ran

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_it_begins_after_the_last_cure_and_ends_with_the_next_one() -> None:
    earlier, cure_before = ran(verdict="failed-partly"), ran(HOUR, healthy=9.0)
    looked, failed = ran(2 * HOUR, verdict="looked", procedure="triage", mode="plan"), ran(3 * HOUR, verdict="failed-restored")
    other, drill = ran(3 * HOUR, healthy=1.0, stack="other"), ran(3 * HOUR, healthy=1.0, practice=True)
    cure, later = ran(4 * HOUR, healthy=9.0, procedure="redeploy"), ran(5 * HOUR, verdict="looked", procedure="triage")
    known = [earlier, cure_before, looked, failed, other, drill, cure, later]
    assert episode(known, failed.place) == [looked, failed, cure]
    assert episode(known, cure.place) == [looked, failed, cure]
    assert episode(known, cure_before.place) == [earlier, cure_before]
    assert episode(known, later.place) == [later]


def test_what_was_more_than_a_day_away_does_not_belong_to_it() -> None:
    old, one, late = ran(verdict="failed-partly"), ran(DAY + HOUR, verdict="failed-partly"), ran(3 * DAY, healthy=1.0)
    assert episode([old, one, late], one.place) == [one]


def test_a_record_that_is_not_there_has_none() -> None:
    assert episode([ran()], "elsewhere") == []
