"""Statistics: each figure counts what its definition says, and what is not known is not guessed."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.record.history import indexed
from rollback_lib.record.manifest import seal
from rollback_lib.record.statistics import FEWEST, statistics, trend
from tests.builders.ran import ran
from tests.builders.sealed import begin

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_times_to_healthy_are_those_of_runs_that_were_needed_and_of_which_they_are_known() -> None:
    slow = ran(2 * HOUR, healthy=30.0)
    runs = [ran(healthy=10.0), ran(HOUR, healthy=14.0), slow, ran(3 * HOUR), ran(4 * HOUR, healthy=1.0, practice=True)]
    known = statistics(runs)
    (code,) = known.needed
    assert (code.procedure, code.runs, code.succeeded) == ("code", 4, 4)
    healing = code.healing
    assert (healing.known, healing.median, healing.worst, healing.incident, healing.trend) == (3, 14.0, 30.0, slow.incident, None)
    assert known.drills[0].healing.median == 1.0


def test_without_a_known_time_there_is_no_figure() -> None:
    (code,) = statistics([ran()]).needed
    assert (code.healing.known, code.healing.median, code.healing.worst, code.healing.incident) == (0, None, None, "")
    assert statistics([]).needed == ()


LEFT_OUT = {
    "plans": ran(verdict="planned", mode="plan"),
    "drills": ran(practice=True),
    "only looked (triage, readiness, mark, guard)": ran(verdict="ready", procedure="readiness"),
    "changed nothing (refused, stopped, or nothing to do)": ran(verdict="refused"),
    "not known whether the stack was changed": ran(verdict="unknown", changed=None),
    "not sealed, as a run that goes on or was killed": ran(verdict="open", changed=None, ended=""),
}


@pytest.mark.parametrize("why", LEFT_OUT)
def test_what_does_not_count_as_needed_is_counted_by_why(why: str) -> None:
    known = statistics([LEFT_OUT[why], ran(HOUR, verdict="failed-partly")])
    assert (known.left_out, known.needed[0].runs, known.needed[0].partly) == ({why: 1}, 1, 1)


@pytest.mark.parametrize(("verdict", "counts"), [("succeeded", True), ("failed-restored", True), ("refused", False), ("planned", False)])
def test_of_older_records_the_verdict_tells_whether_the_stack_was_changed(verdict: str, counts: bool) -> None:
    known = statistics([ran(verdict=verdict, changed=None, mode="plan" if verdict == "planned" else "apply")])
    assert (len(known.needed) == 1) is counts


def test_there_is_no_trend_from_few_times_and_none_where_chance_explains_it() -> None:
    assert trend([5.0] * (FEWEST - 1)) is None
    assert trend([5.0, 6.0] * FEWEST).word == "steady"  # type: ignore[union-attr]
    rising = trend([float(number) for number in range(FEWEST)])
    assert rising
    assert (rising.word, rising.before, rising.after) == ("slower", 2.0, 7.0)
    falling = trend([1.0] * 100 + [float(-number) for number in range(40)])
    assert falling
    assert (falling.word, falling.before) == ("faster", -9.5), "only the newest count"


def test_what_was_practised_is_counted_by_day() -> None:
    runs = [
        ran(verdict="ready", procedure="readiness", changed=False), ran(HOUR, verdict="not-ready", procedure="readiness", changed=False),
        ran(DAY, verdict="refused", procedure="readiness", changed=False), ran(DAY, practice=True),
        ran(DAY, verdict="failed-partly", practice=True),
        ran(DAY, verdict="refused", practice=True), ran(2 * DAY),
    ]  # fmt: skip
    first, second = statistics(runs).days
    assert (first.day, first.ready, first.not_ready, first.drills) == ("2026-11-01", 1, 1, 0)
    assert (second.day, second.ready, second.not_ready, second.drills, second.failed_drills) == ("2026-11-02", 0, 1, 2, 1)


def test_a_failure_is_mended_by_the_next_run_that_brought_the_stack_to_health_within_a_day() -> None:
    failure = ran(verdict="failed-partly")
    cure = ran(HOUR, healthy=9.0, procedure="redeploy")
    others = [
        ran(MINUTE, healthy=9.0, stack="other"), ran(MINUTE, healthy=9.0, practice=True), ran(MINUTE, verdict="planned", mode="plan"),
        ran(MINUTE), cure, ran(2 * HOUR, healthy=9.0),
    ]  # fmt: skip
    (told,) = statistics([failure, *others]).failures
    assert (told.incident, told.mended_by, told.mended_with, told.after) == (failure.incident, cure.incident, "redeploy", 3600.0)
    (late,) = statistics([failure, ran(DAY + HOUR, healthy=9.0)]).failures
    assert (late.mended_by, late.after) == ("", None)


def test_what_came_after_the_last_day_counts_only_as_a_cure() -> None:
    failure, cure = ran(timedelta(hours=23), verdict="failed-restored"), ran(DAY + HOUR, healthy=3.0)
    known = statistics([failure, cure], date(2026, 11, 1))
    assert (known.records, known.last, [one.mended_by for one in known.failures]) == (1, "2026-11-01", [cure.incident])


def test_the_index_has_what_statistics_need_of_real_records(tmp_path: Path) -> None:
    """A run that failed and was resumed to its end is a failure that it mended itself; one that is not sealed has not ended."""
    resumed = begin(tmp_path, practice=False)
    began = resumed.record()
    resumed.write_record({**began, "verdict": "failed-partly", "changed": True})
    seal(resumed.path, tmp_path, resumed.record())
    resumed.event("resumed", who="me")
    Chain(tmp_path).enter(OPENED, resumed.path, began)
    (now,) = indexed(tmp_path).ran()
    assert (now.verdict, now.ended, now.failed) == ("open", "", "failed-partly")
    resumed.write_record({**resumed.record(), "verdict": "succeeded", "healthy_seconds": 42.5})
    seal(resumed.path, tmp_path, resumed.record())
    drill = begin(tmp_path, because="drill")
    seal(drill.path, tmp_path, {**drill.record(), "verdict": "succeeded"})
    begin(tmp_path, stack="other")
    known = statistics(indexed(tmp_path).ran())
    (told,) = known.failures
    assert (told.mended_by, told.verdict, known.needed[0].healing.median) == (resumed.id, "failed-partly", 42.5)
    assert [one.procedure for one in known.drills] == ["code"]
    assert known.left_out == {"drills": 1, "not sealed, as a run that goes on or was killed": 1}
    assert {one.incident for one in indexed(tmp_path).ran(stack="dyniq")} == {resumed.id, drill.id}
    assert list(indexed(tmp_path).ran(since=date(9999, 1, 1))) == []
