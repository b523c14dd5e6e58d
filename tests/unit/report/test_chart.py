"""The chart of a run and of an outage: changes and runs beside the routes, and what failed before told from what the run made fail."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from rollback_lib.health.outage import Outages, Tick
from rollback_lib.report import chart, page
from rollback_lib.report.chart import AMBER, BAD, Span
from tests.builders import stories
from tests.builders.stories import Record

AT = datetime(2026, 11, 24, 3, 12, tzinfo=UTC)


def tick(second: float, ok: bool, route: str = "api", took: float = 0.01) -> Tick:
    at = AT + timedelta(seconds=second)
    return Tick(route, at, ok, at + timedelta(seconds=took))


def test_what_failed_before_has_another_colour_than_what_the_run_made_fail() -> None:
    before, after = [tick(0, False), tick(20, True)], [tick(0, True, "web"), tick(12, False, "web"), tick(15, True, "web")]
    drawn = chart.timeline([*before, *after], Outages.of([*before, *after], AT + timedelta(seconds=10)))
    assert [drawn.count(f'height="30" fill="{colour}"') for colour in (BAD, AMBER)] == [1, 1]
    assert 'aria-label="steps and routes over time: api failing since' in drawn


def test_a_request_that_was_held_shows_how_long_it_waited_beside_one_that_was_refused_meanwhile() -> None:
    ticks = [tick(0, False), tick(3, True, took=2), tick(4, False), tick(10, True, took=60)]
    drawn = chart.timeline(ticks, Outages.of(ticks, None))
    assert drawn.count('opacity=".5"/>') == 1  # up to its answer; the last one's answer comes after the chart
    assert 'M289.4 52.0H409.0"' in drawn


def test_changes_have_a_lane_and_those_from_long_before_stand_at_its_edge() -> None:
    ticks = [tick(0, True), tick(10, True)]
    changes = [
        (AT - timedelta(days=1), "schema"),
        (AT - timedelta(seconds=30), "deploy"),
        (AT - timedelta(seconds=30), "<image>"),
        (AT, "deploy"),
    ]
    drawn = chart.timeline(ticks, Outages.of(ticks, None), changes=changes)
    assert ">changes</text>" in drawn
    assert "◀ 1 earlier" in drawn
    assert ">&lt;image&gt;, deploy</text>" in drawn
    assert drawn.count('l5 5l-5 5l-5 -5z"') == 2
    assert ">changes</text>" not in chart.timeline(ticks, Outages.of(ticks, None))


def test_a_long_axis_has_times_of_the_day() -> None:
    span = Span("triage", AT, AT + timedelta(hours=1), True)
    assert ">03:42:00 UTC</text>" in chart.timeline([], Outages.of([], None), spans=[span])


def test_an_outage_shows_every_run_at_it_and_what_a_triage_found_changed(tmp_path: Path) -> None:
    triage = Record(tmp_path / "a", "triage", "plan")
    triage.looked()
    changed = [{"when": "2026-11-24T03:11:50+00:00", "kind": "deploy", "what": "7777777 by Ruben"}]
    triage.event("found", verdict="looked", reason="x", next=[], changed_since=changed)
    failed = stories.failed(tmp_path / "b")
    drawn = page.overview([("triage 1a2b3c", triage.folder.events()), ("gone", []), ("this code", failed.events())])
    assert all(f"{word}</text>" in drawn for word in ("runs", "changes", "? triage 1a2b3c", "✘ this code", "deploy", "agents-api"))
    assert "gone" not in drawn
    assert page.overview([("gone", [])]) == ""
