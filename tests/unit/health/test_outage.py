"""How long routes failed: since when, as far as that is known, and for how long because of the rollback. Every place shows the same
figure."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollback_lib.health.outage import Outages, Tick
from rollback_lib.health.probe import Probe
from rollback_lib.notebook import render
from rollback_lib.plan.effect import Effect
from rollback_lib.record.audit import verify
from rollback_lib.record.folder import Folder
from rollback_lib.record.milestones import milestones
from rollback_lib.record.verdict import Verdict
from rollback_lib.report import chart, page, postmortem, summary
from rollback_lib.run.monitor import Monitor
from rollback_lib.run.sealing import seal
from rollback_lib.run.stages import Closing, Verification
from rollback_lib.settings import version
from tests.builders.stack import STACK

LOOKED = datetime(2026, 11, 23, 3, 12, 4, tzinfo=UTC)  # section 2 of the notebook
CHANGED = LOOKED + timedelta(seconds=125)  # the first step that changes the stack begins


def tick(second: float, ok: bool, route: str = "agents-api", *, took: float = 0.01) -> Tick:
    """A probe `second` seconds after the first look. Its answer came `took` seconds later."""
    at = LOOKED + timedelta(seconds=second)
    return Tick(route, at, ok, at + timedelta(seconds=took))


# The route has failed for minutes; the watch sees 1.116 s of it.
MENDED = [tick(0, False), tick(124.884, False), tick(125.4, False), tick(126, True), tick(126.2, True)]
# A route that was well fails from the first change on.
TAKEN_DOWN = [tick(0, True), tick(124.884, True), tick(125.1, False), tick(125.3, False), tick(126.216, True), tick(126.4, True)]


def test_a_route_that_failed_before_fails_since_the_first_look_at_least() -> None:
    found = Outages.of(MENDED, CHANGED)
    assert found.data() == {"failing_since": "2026-11-23T03:12:04.000+00:00", "outage_by_rollback_seconds": 0.0}
    assert found.words == "agents-api failing since 03:12:04 UTC at least, healthy at 03:14:10; none by the rollback itself"


def test_a_route_that_passed_before_is_down_by_the_rollback() -> None:
    found = Outages.of(TAKEN_DOWN, CHANGED)
    assert found.data() == {"failing_since": None, "outage_by_rollback_seconds": 1.116}
    assert found.words == "agents-api down 1.1 s by the rollback"


@pytest.mark.parametrize(
    ("ticks", "words"),
    [
        ([tick(0, False), tick(126, False)], "agents-api failing since 03:12:04 UTC at least, not over; none by the rollback itself"),
        # Until the last answer that is known: a probe that hangs until its time-out has waited so long.
        ([tick(0, True), tick(126, False), tick(127, False, took=3)], "agents-api down 4.0 s by the rollback, not over"),
        # What fails, passes and fails again is down for the seconds in which it failed.
        (
            [tick(0, True), *(tick(second, ok) for second, ok in ((126, False), (127, True), (130, False), (131, False), (132, True)))],
            "agents-api down 3.0 s by the rollback",
        ),
        # An answer that came after the change may be bad because of it, however early the question was.
        ([tick(0, True), tick(124.9, False, took=2), tick(127.4, True)], "agents-api down 2.5 s by the rollback"),
        # It passes now and then, as it did before.
        ([tick(0, False), tick(124.9, True), tick(126, False), tick(127, True)],
         "agents-api failing since 03:12:04 UTC at least, healthy at 03:14:11; none by the rollback itself"),
        # Nothing is known of before the change.
        ([tick(126, False), tick(127, True)],
         "agents-api failing since 03:14:10 UTC at least, healthy at 03:14:11; none by the rollback itself"),
        ([tick(0, True), tick(126, True)], "none: no probe failed"),
        ([], "not known: no route was asked"),
    ],
)  # fmt: skip
def test_how_an_outage_is_put_into_words(ticks: list[Tick], words: str) -> None:
    assert Outages.of(ticks, CHANGED).words == words


def test_nothing_is_by_the_rollback_before_it_changes_anything() -> None:
    found = Outages.of([tick(0, True), tick(60, False)], None)
    assert found.data() == {"failing_since": "2026-11-23T03:13:04.000+00:00", "outage_by_rollback_seconds": 0.0}
    assert found.words == "agents-api failing since 03:13:04 UTC at least, not over"


def test_failed_probes_that_lie_apart_are_not_one_long_outage_of_what_is_only_watched() -> None:
    found = Outages.of([tick(0, True), tick(60, False), tick(61, True), tick(120, False), tick(121, True)], None)
    assert found.words == "agents-api failing since 03:13:04 UTC at least, 2 times, healthy at 03:14:05"


def test_of_several_routes_the_longest_counts_and_the_others_are_counted() -> None:
    others = [tick(0, True, "a"), tick(126, False, "a"), tick(126.5, True, "a"), tick(0, False, "b"), tick(127, True, "b")]
    found = Outages.of([*MENDED, *[tick(0, True, "c"), tick(126, False, "c"), tick(128, True, "c")], *others], CHANGED)
    assert found.data() == {"failing_since": "2026-11-23T03:12:04.000+00:00", "outage_by_rollback_seconds": 2.0}
    assert found.words == (
        "b failing since 03:12:04 UTC at least, healthy at 03:14:11 (the longest of 2 routes); "
        "c down 2.0 s by the rollback (the longest of 2 routes)"
    )
    still = Outages.of([*MENDED, tick(1, False, "late"), tick(125, False, "late")], CHANGED)
    assert "healthy at 03:14:10 (the longest of 2 routes, late is not over)" in still.words


def test_without_probes_a_record_says_nothing_of_an_outage() -> None:
    assert Outages.of([], CHANGED).data() == {}


@given(
    st.lists(
        st.builds(
            tick, st.integers(-50_000, 50_000).map(lambda ms: 125 + ms / 1000), st.booleans(), st.sampled_from(["a", "b"]),
            took=st.integers(0, 3000).map(lambda ms: ms / 1000),
        )
    ),
    st.sampled_from([CHANGED, None]),
)  # fmt: skip
def test_the_chart_has_the_figures_of_the_record(ticks: list[Tick], changed: datetime | None) -> None:
    """A lane has one label, and of all lanes the longest is what the record has; every failure is in a band."""
    found = Outages.of(ticks, changed)
    drawn = chart.timeline(ticks, found)
    data = found.data()
    down = [float(seconds) for seconds in re.findall(r">down (\d+\.\d) s by the rollback", drawn)]
    assert max(down, default=0.0) == float(f"{data.get('outage_by_rollback_seconds', 0):.1f}")
    since = re.findall(r">failing since ([\d:]+) UTC at least", drawn)
    begin = data.get("failing_since")
    assert bool(since) is bool(begin)
    assert begin is None or f"{datetime.fromisoformat(begin):%H:%M:%S}" in since
    assert len(down) + len(since) == len(found.routes) == len({one.route for one in ticks if not one.ok})
    for one in found.routes:
        failed = [each.at for each in ticks if each.route == one.route and not each.ok]
        assert all(any(span.begin <= at <= span.end for span in one.spans) for at in failed)
        assert one.words in found.words or len([each for each in found.routes if each.before is one.before]) > 1


def labels(drawn: str) -> list[tuple[float, float, float, str]]:
    """The labels of the bands in a chart: left end, right end, height and text."""
    found = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>((?:failing|down) [^<]*)<', drawn)
    return [(float(x) - 2.7 * len(said), float(x) + 2.7 * len(said), float(y), said) for x, y, said in found]


@pytest.mark.parametrize("second", [0, 1, 30, 59, 60])
def test_a_label_stands_in_its_lane_whole(second: float) -> None:
    ticks = [tick(0, True), tick(60, True)] + [tick(second, False, name) for name in ("a", "b")] + [tick(60.2, True, "b")]
    drawn = chart.timeline(ticks, Outages.of(ticks, None))
    found = labels(drawn)
    assert len({y for _, _, y, _ in found}) == len(found) == 2
    for left, right, _, said in found:
        assert chart.LEFT <= left < right <= chart.WIDTH, said


def test_a_chart_that_begins_later_says_since_when_all_the_same() -> None:
    """That of the watch, in the notebook, and of the last minute, in the panel."""
    drawn = chart.timeline(MENDED[1:], Outages.of(MENDED, CHANGED))
    assert [said for *_, said in labels(drawn)] == ["failing since 03:12:04 UTC at least, healthy at 03:14:10"]
    left = float(re.search(r'<rect x="([\d.]+)"[^>]*opacity=".2"', drawn)[1])
    assert chart.LEFT - 5 < left <= chart.LEFT
    assert labels(chart.timeline(MENDED[-1:], Outages.of(MENDED, CHANGED))) == []  # it was over before


def told(tmp_path: Path, ticks: list[Tick]) -> Folder:
    """The record of a run with these probes."""
    folder = Folder.create("code", tmp_path)
    for one in ticks:
        at = one.answered.isoformat(timespec="milliseconds")
        took = round((one.answered - one.at).total_seconds() * 1000)
        sent = one.at.isoformat(timespec="milliseconds")
        folder.event("probe", at=at, sent=sent, route=one.route, ok=one.ok, status=200, ms=took, said="")
        if one is ticks[1]:
            begun = CHANGED.isoformat(timespec="milliseconds")
            folder.event("step-begin", at=begun, step="recreate", job="recreate", plan="x", touches=True, commands=["true"])
    return folder


@pytest.mark.parametrize("ticks", [MENDED, TAKEN_DOWN])
def test_report_and_post_mortem_say_what_the_record_says(tmp_path: Path, ticks: list[Tick]) -> None:
    folder, found = told(tmp_path, ticks), Outages.of(ticks, CHANGED)
    assert summary.outages(folder.events()) == found
    record = {"verdict": "succeeded", "reason": "x", **found.data()}
    shown = page.html(record, folder.events(), folder.path)
    assert f"Outage: {found.words}." in shown
    assert f">{found.routes[0].words}</text>" in shown
    assert f"| Outage | {found.words} |" in postmortem.markdown(record, folder.events(), folder.path)


@pytest.mark.parametrize("ticks", [MENDED, TAKEN_DOWN])
def test_the_notebook_says_what_the_record_says(ticks: list[Tick]) -> None:
    found = Outages.of(ticks, CHANGED)
    watched = [Probe(one.route, one.at, one.ok, 200 if one.ok else 500, 0.01, "") for one in ticks[1:]]
    effect = Effect("commit", "a", "a")
    shown = render.verification(Verification((effect,), True, 3, tuple(watched), (), found, applied=True))
    assert f"3 probes in a row on every route passed. Outage: {found.words}." in str(shown)
    assert [said for *_, said in labels(shown.svg)] == [found.routes[0].words]
    closed = render.closing(Closing(Verdict.SUCCEEDED, "x", 3.0, 60.0, found.words, Path("x"), ()))
    assert re.search(rf"^outage +{re.escape(found.words)}$", str(closed), re.MULTILINE)


def test_a_sealed_record_has_the_figures_of_its_pages(tmp_path: Path) -> None:
    """It was written when the route was down still, and the last probes were noted after that."""
    folder, found = told(tmp_path, TAKEN_DOWN), Outages.of(TAKEN_DOWN, CHANGED)
    folder.write_record({"verdict": "succeeded", "reason": "x", **Outages.of(TAKEN_DOWN[:3], CHANGED).data()})
    seal(folder, tmp_path)
    assert folder.record() == {"verdict": "succeeded", "reason": "x", "version": version(), **found.data(), **milestones(folder.events())}
    assert f"Outage: {found.words}." in (folder.path / "report.html").read_text()
    assert verify(tmp_path).findings == ()


def test_a_record_of_before_these_figures_is_read_as_others_are(tmp_path: Path) -> None:
    """It has `outage_seconds`, of which nobody could say what was meant, and only the moment at which a probe had its answer."""
    folder, found = told(tmp_path, TAKEN_DOWN), Outages.of(TAKEN_DOWN, CHANGED)
    events = [{name: value for name, value in event.items() if name != "sent"} for event in folder.events()]
    record = {"verdict": "succeeded", "reason": "x", "outage_seconds": 2.5}
    assert summary.outages(events) == found
    assert f"Outage: {found.words}." in page.html(record, events, folder.path)
    assert f"| Outage | {found.words} |" in postmortem.markdown(record, events, folder.path)


def test_a_probe_is_in_the_record_with_the_moment_it_was_sent(tmp_path: Path) -> None:
    """Not with that at which it was written down: what is slow to answer is not what came later."""
    folder = Folder.create("code", tmp_path)
    Monitor(STACK, None, None, folder).note((Probe("a", LOOKED, False, None, 2.5, "timed out"),))
    assert summary.ticks(folder.events()) == [tick(0, False, "a", took=2.5)]


def test_outages_of_nothing_are_none() -> None:
    assert Outages((), asked=True, changed=False).words == "none: no probe failed"
