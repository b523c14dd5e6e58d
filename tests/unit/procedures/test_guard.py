"""The guard: which rollback it starts, what went wrong with containers, and what it says at its end."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rollback_lib.errors import ParameterError, Refused, TargetRefused
from rollback_lib.health.probe import Probe
from rollback_lib.host.lock import Owner
from rollback_lib.procedures import guard, mark, triage
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.procedures.guard import way_back
from rollback_lib.procedures.guard.outcome import Held, Lapse, NotHeld, RolledBack
from rollback_lib.procedures.release import state as release_state
from rollback_lib.procedures.triage.changes import Since
from rollback_lib.record.verdict import Verdict
from rollback_lib.stack.model import Stack
from tests.builders.containers import NOW, container
from tests.builders.recorded import Recorded
from tests.builders.stack import STACK
from tests.builders.triage import RUNS
from tests.unit.procedures import test_mark, test_release

HOST = Recorded(otherwise=Refused("nobody is to be asked"))
GOOD, IMAGE = "7" * 40, "sha256:" + "8" * 64
LAPSE = Lapse("route agents-api was not healthy for 12 s (500: no)", {"agents-api": Probe("agents-api", NOW, False, 500, 0.1, "no")})


# -- parameters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hold", ["", "10", "ten minutes", "0m", "1d", "-5m", "10m; reboot"])
def test_a_time_that_is_none_is_refused(hold: str) -> None:
    with pytest.raises(ParameterError, match=r"^for: a time such as 90s, 10m or 1h is expected, not "):
        guard.check(STACK, hold)


def test_what_to_do_is_to_plan_or_to_apply() -> None:
    guard.check(STACK, "10m", "apply")
    with pytest.raises(ParameterError, match=r"^rollback: one of plan, apply is expected"):
        guard.check(STACK, "10m", "maybe")


# -- what can be marked -------------------------------------------------------------------------------------------------


def test_what_could_not_be_marked_is_said_before_the_watch_and_not_after_it() -> None:
    dirty = replace(test_mark.state().head, dirty=("agents_api/server.py",))
    with pytest.raises(TargetRefused, match="has uncommitted changes"):
        guard.markable(HOST, test_mark.state(head=dirty))


def test_a_lock_that_is_held_at_the_beginning_may_be_free_at_the_end() -> None:
    held = Owner("3f2a9c", "readiness", "someone@there", "", "2026-01-02T03:04:05+00:00")
    assert guard.markable(HOST, test_mark.state(holder=held)).healthy


def test_the_plan_is_the_guards_own() -> None:
    now = test_mark.state()
    made = guard.plan(now, mark.examine(HOST, now, ""), incident="i1")
    assert made.procedure == "guard"
    assert not made.touches


# -- which rollback -----------------------------------------------------------------------------------------------------


def chosen(monkeypatch: pytest.MonkeyPatch, *ledger: Any, fits: bool = True) -> guard.WayBack:
    """The rollback that is chosen with this ledger, where triage says `code` if anything `fits`."""
    found = triage.Finding("code", "Bad code deploy", {"target": GOOD}, evidence=[(9, "it does")])
    diagnosis = triage.Diagnosis("shop", STACK.host, triage_seen(), (found,) if fits else (), (), Since(None, ()))
    monkeypatch.setattr(mark, "document", lambda *_: test_mark.state(ledger=list(ledger)))
    monkeypatch.setattr(triage, "document", lambda *_: triage.StackState(STACK, None, None, {}))
    monkeypatch.setattr(triage, "diagnose", lambda _: diagnosis)
    return way_back(HOST, STACK, ())


def triage_seen() -> Any:
    return Symptoms((LAPSE.failing["agents-api"],), (), (), (), (), ())


def test_it_is_the_one_to_the_newest_release_that_was_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    way = chosen(monkeypatch, test_mark.line(GOOD, "i1", image=IMAGE))
    assert (way.procedure, way.parameters) == ("code", {})
    assert way.why.startswith(f"the last good release is {GOOD[:7]} of ")


def test_a_release_that_was_entered_whole_is_brought_back_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    now = test_release.state()
    monkeypatch.setattr(release_state, "document", lambda *_: now)
    way = chosen(monkeypatch, test_mark.line(GOOD, "i1", image=IMAGE))
    assert (way.procedure, way.parameters) == ("release", {"to": now.releases[0].incident})
    # Where the newest is what runs, an older one would be no better.
    same = replace(now, present=replace(now.releases[0], when=now.present.when))
    monkeypatch.setattr(release_state, "document", lambda *_: same)
    assert chosen(monkeypatch, test_mark.line(GOOD, "i1", image=IMAGE)).procedure == "code"


@pytest.mark.parametrize(
    "ledger",
    [
        (),
        (test_mark.line(GOOD, "i1", image=IMAGE), test_mark.line(GOOD, "i2", image=IMAGE, healthy=False, hours=1)),
        (test_mark.line(GOOD, "i1", service="worker", image=IMAGE),),
    ],
    ids=["none was marked", "found bad since", "of another service"],
)
def test_without_a_good_release_it_is_triages_best_answer_and_that_is_said(monkeypatch: pytest.MonkeyPatch, ledger: tuple) -> None:
    way = chosen(monkeypatch, *ledger)
    assert way == guard.WayBack(
        "code", f"no release is known good on {STACK.host}, so this is triage's best answer: Bad code deploy", {"target": GOOD}
    )


def test_where_the_last_good_release_runs_its_code_is_not_to_blame(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a deploy of the same commit with a bad env file. An older release would be no better."""
    way = chosen(monkeypatch, test_mark.line(GOOD, "i1", image=IMAGE), test_mark.line(RUNS, "i2", hours=1))
    assert way.why.startswith(f"the last good release is what runs, {RUNS[:7]} of ")
    assert way.why.endswith("so this is triage's best answer: Bad code deploy")


def test_where_triage_has_no_answer_either_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TargetRefused, match=r"^no release is known good on \w+, and triage says: not healthy, and no row of the page fits"):
        chosen(monkeypatch, fits=False)


# -- containers ---------------------------------------------------------------------------------------------------------

API, WORKER = container(), container("worker")


def test_what_was_recreated_removed_or_added_was_replaced() -> None:
    both = [API, WORKER]
    assert guard.replaced(both, both) == []
    assert guard.replaced(both, [replace(API, id="new"), WORKER]) == ["agents-api"]
    assert guard.replaced(both, [API]) == ["worker"]
    assert guard.replaced([API], both) == ["worker"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, []),
        ({"restarts": 8}, []),
        ({"restarts": 9}, ["docker-worker-1 ended by itself and was restarted 2 times"]),
        ({"restarts": 12, "state": "restarting", "exit": 1}, ["docker-worker-1 ended by itself and was restarted 5 times"]),
        ({"state": "exited", "exit": 3}, ["docker-worker-1 ended with exit status 3"]),
        ({"state": "exited", "exit": 0}, []),
        ({"state": "paused"}, []),
        ({"health": "unhealthy"}, ["the health check of docker-worker-1 fails"]),
        ({"health": "starting"}, []),
    ],
)
def test_a_container_that_no_route_leads_to_counts_as_well(changes: dict[str, Any], words: list[str]) -> None:
    before = replace(WORKER, restarts=7)
    assert guard.crashed([API, before], [API, replace(before, **changes)]) == words


def test_what_was_wrong_before_is_not_of_this_deploy() -> None:
    ill = replace(WORKER, state="exited", exit=1, health="unhealthy", restarts=30)
    assert guard.crashed([ill], [ill]) == []
    assert guard.restarted([ill], [replace(ill, restarts=31)]) == {"docker-worker-1": 1}


# -- what it says -------------------------------------------------------------------------------------------------------


def ended(verdict: Verdict, *, apply: bool = True, stack: Stack = STACK) -> NotHeld:
    way = guard.WayBack("code", "the last good release is 7777777", {"target": GOOD})
    return NotHeld(stack, LAPSE, apply, way, RolledBack("3f2a9c", verdict, "the reason", Path("/incidents/x"), "0123456789ab"))


@pytest.mark.parametrize(
    ("rollback", "verdict", "status"),
    [
        (Verdict.SUCCEEDED, Verdict.ROLLED_BACK, 4),
        (Verdict.NOTHING_TO_DO, Verdict.ROLLED_BACK, 4),
        (Verdict.PARTLY, Verdict.PARTLY, 5),
        (Verdict.UNKNOWN, Verdict.UNKNOWN, 6),
        (Verdict.PLANNED, Verdict.NOT_HELD, 7),
        (Verdict.REFUSED, Verdict.NOT_HELD, 7),
        (Verdict.ABORTED, Verdict.NOT_HELD, 7),
        (Verdict.RESTORED, Verdict.NOT_HELD, 7),
    ],
)
def test_a_pipeline_sees_by_the_status_what_became_of_the_deploy(rollback: Verdict, verdict: Verdict, status: int) -> None:
    found = ended(rollback)
    assert (found.verdict, found.verdict.status) == (verdict, status)
    assert found.verdict.status != 0
    assert found.reason.startswith(f"{STACK.name} did not hold on contabo: route agents-api was not healthy for 12 s (500: no); ")
    assert "3f2a9c" in found.reason or "the reason" in found.reason
    assert found.data()["rollback"]["verdict"] == rollback


def test_a_planned_rollback_is_one_command_away() -> None:
    found = ended(Verdict.PLANNED, apply=False)
    assert "the code rollback 3f2a9c is planned and not applied (the last good release is 7777777)" in found.reason
    (word,) = found.next("shop")
    assert word == f"Roll back: `rollback run code --stack shop -p target={GOOD} --apply --confirm contabo --plan 0123456789ab`."


def test_what_loses_data_is_left_to_a_person_also_with_apply() -> None:
    assert "is planned and not applied; it loses data, so a person has to apply it" in ended(Verdict.PLANNED).reason


def test_the_way_back_from_the_way_back_is_named() -> None:
    assert ended(Verdict.SUCCEEDED).next("shop") == ("To undo the rollback: `rollback undo 3f2a9c`.",)
    assert ended(Verdict.UNKNOWN).next("shop")[0].startswith("`rollback resume 3f2a9c`")
    assert ended(Verdict.REFUSED).next("shop") == ("See what is wrong: `rollback run triage --stack shop`.",)


def test_where_no_rollback_was_started_it_is_said_why() -> None:
    found = NotHeld(STACK, LAPSE, True, refused="no release is known good on contabo")
    assert (found.verdict, found.data()["rollback"]) == (Verdict.NOT_HELD, None)
    assert found.reason.endswith("; nothing was rolled back: no release is known good on contabo")


def test_what_held_is_marked() -> None:
    now = test_mark.state()
    target = mark.examine(HOST, now, "")
    found = Held("10m", mark.Marked(now, target, guard.plan(now, target, incident="i1")))
    assert (found.verdict, found.verdict.status, found.next("shop")) == (Verdict.MARKED, 0, ())
    assert found.reason == f"every route held for 10m; agents-api {RUNS[:7]} is known good on contabo"
    assert found.data()["held"] is True
    assert found.data()["releases"][0]["commit"] == RUNS
