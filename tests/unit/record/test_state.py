"""The state of a run, as its events add up to it."""

from typing import Any

import pytest

from rollback_lib.host.ending import Ending, Kind
from rollback_lib.record.state import RunState
from rollback_lib.record.verdict import NOT_ENDED, Verdict
from tests.builders.events import NOT_OK, OK, at, begin, end, not_started


def test_a_step_is_done_once_its_job_ended_well_and_a_trial_however_it_ended() -> None:
    events = [begin("keep"), end("keep"), begin("build"), end("build", NOT_OK), begin("restore", trial=True), end("restore", NOT_OK)]
    state = RunState.of(events)
    assert state.done == {("p", "keep"), ("p", "restore")}
    assert state.begun == {"keep": Ending.exited(0), "build": Ending.exited(1), "restore": Ending.exited(1)}
    assert state.unheard == ()


@pytest.mark.parametrize(
    ("events", "job"),
    [
        ([], "build"),
        ([begin("build")], "build"),  # to attach to it
        ([begin("build"), end("build")], "build"),
        ([begin("build"), end("build", NOT_OK)], "build.2"),
        ([begin("build"), end("build", NOT_OK), begin("build.2"), end("build.2", NOT_OK)], "build.3"),
        ([begin("build"), not_started("build")], "build"),
        ([begin("build"), not_started("build", spent=True)], "build.2"),  # a guard of it ran, and said no
        ([begin("build"), end("build", None, "job-found", state="never")], "build"),
        ([begin("build"), end("build", None, "job-found", state="running")], "build"),
        ([begin("build"), end("build", NOT_OK, "job-found", state="ended")], "build.2"),
        ([begin("build"), {"event": "step-ended", "at": at(9), "step": "build", "job": "build", "known": True}], "build.2"),
    ],
)
def test_another_attempt_has_a_job_of_another_name_only_where_the_last_one_is_spent(events: list[dict[str, Any]], job: str) -> None:
    assert RunState.of(events).job("build") == job


def test_an_attempt_that_could_not_be_started_does_not_undo_the_one_before() -> None:
    events = [begin("put", 1), end("put", NOT_OK), begin("put.2", 2), not_started("put.2")]
    state = RunState.of(events)
    assert (state.touched, state.begun) == (True, {"put": Ending.exited(1)})
    assert [one.second for one, _ in state.marks] == [1]
    assert not RunState.of([begin("put"), not_started("put")]).touched
    assert not RunState.of([begin("put"), not_started("put", spent=True)]).touched


def test_a_job_that_is_attached_to_again_began_when_it_began_first() -> None:
    state = RunState.of([begin("put", 1), begin("put", 5)])
    assert [(one.second, step) for one, step in state.marks] == [(1, "put")]
    assert [one.job for one in state.unheard] == ["put"]


def test_of_a_job_that_ended_it_is_known_how_when_and_what_it_said() -> None:
    (one,) = RunState.of([begin("put", 2, commands=["cp a b"]), end("put", NOT_OK, last_lines=["no space"])]).ran
    assert (one.commands, one.lines, one.words, one.took) == (("cp a b",), ("no space",), "exit status 1", "7.0 s")
    assert (one.ok, one.heard) == (False, True)


def test_a_job_whose_end_was_only_asked_for_later_took_so_long_at_most() -> None:
    (one,) = RunState.of([begin("put", 2), begin("put", 5), end("put", OK, "job-found", state="ended")]).ran
    assert (one.words, one.took) == ("done", "at most 7.0 s")


def test_a_job_whose_end_was_not_heard_has_none() -> None:
    (one,) = RunState.of([begin("put", 2), end("put", None, "job-found", state="running")]).ran
    assert (one.words, one.took, one.end, one.heard, one.ok) == ("its end is not known", "", None, False, False)


def test_what_a_guard_kept_from_beginning_did_not_run() -> None:
    assert RunState.of([begin("put"), not_started("put", spent=True)]).ran == ()


@pytest.mark.parametrize("known", [True, False])
def test_a_job_that_was_ended_may_be_running_unless_that_is_known(known: bool) -> None:
    state = RunState.of([begin("build"), {"event": "step-ended", "at": at(9), "step": "build", "job": "build", "known": known}])
    assert (state.unheard == ()) is known
    assert state.begun["build"] == (Ending(Kind.SIGNAL, 15) if known else None)


def test_a_person_cut_short_the_last_attempt_and_no_other() -> None:
    events = [begin("build"), {"event": "step-cut-short", "job": "build"}, end("build", NOT_OK)]
    assert RunState.of(events).cut_short("build")
    assert not RunState.of([*events, begin("build.2")]).cut_short("build")


def test_a_run_that_is_resumed_has_not_ended_and_has_to_see_everything_again() -> None:
    effects = [{"name": "image", "ok": True}]
    before = [
        {"event": "facts"}, {"event": "confirmed", "plan": "p"}, {"event": "accepted", "plan": "p"}, begin("keep"), end("keep"),
        {"event": "verified", "ok": True, "healthy": True, "effects": effects}, {"event": "stop-asked"},
        {"event": "verdict", "verdict": "failed-partly", "reason": "no"},
    ]  # fmt: skip
    state = RunState.of(before)
    assert (state.ended, state.verdict, state.documented, state.stopping) == (True, Verdict.PARTLY, True, True)
    assert getattr(state.verified, "effects", None) == tuple(effects)
    state.apply({"event": "resumed"})
    assert (state.ended, state.verdict, state.reason) == (False, Verdict.UNKNOWN, NOT_ENDED)
    assert (state.documented, state.stopping, state.verified) == (False, False, None)
    assert (state.confirmed, state.accepted, state.done) == ("p", "", {("p", "keep")})


def test_what_was_accepted_holds_on_once_it_is_being_lost_and_only_for_the_list_that_was_shown() -> None:
    shown, accepted = {"event": "loss-shown", "plan": "p"}, {"event": "accepted", "plan": "p"}
    assert RunState.of([shown, accepted]).accepted == "p"
    assert RunState.of([shown, accepted, shown]).accepted == ""
    assert RunState.of([shown, accepted, begin("swap", loses=True), {"event": "resumed"}]).accepted == "p"


def test_a_run_that_was_refused_can_go_on_and_one_that_ended_unknown_cannot() -> None:
    refused = {"event": "verdict", "verdict": "refused", "reason": "not confirmed"}
    state = RunState.of([refused, {"event": "goes-on"}])
    assert (state.verdict, state.ended) == (Verdict.UNKNOWN, False)
    assert RunState.of([{"event": "verdict", "verdict": "unknown", "reason": "the connection was lost"}]).ended


def test_a_word_is_told_once_however_late_it_is_noted_that_it_arrived() -> None:
    told = {"event": "told", "word": "start", "ok": True}
    state = RunState.of([{"event": "telling", "word": "start"}, {"event": "telling", "word": "succeeded"}, told])
    assert state.told == "succeeded"
    assert RunState.of([told]).told == "start"  # as older records have it
