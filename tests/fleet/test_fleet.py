"""A fleet rollback on a real Airflow: approved by a person, a canary first, and held to what the records say."""

import signal
import time

import psutil
import pytest

from rollback_lib.commands.command import script
from rollback_lib.host import lock
from rollback_lib.host.link import Link
from rollback_lib.host.lock import Owner
from rollback_lib.secrets.secret import Secret
from tests.fleet.engine import until
from tests.fleet.fleet import STATE, Fleet, frozen

APPROVE, REJECT, UNDO = "Approve", "Reject", "Undo them, in reverse"


def test_a_fleet_is_rolled_back_wave_by_wave_as_people_approve_it(fleet: Fleet) -> None:
    engine = fleet.airflow
    fleet.break_("code")
    bad = fleet.heads()
    run = engine.trigger("fleet_code", by="anna")

    # Who triggered it may not approve it, and neither may who is no approver. Nothing has changed yet.
    assert engine.answer("fleet_code", run, "wave_1.approve", APPROVE, by="anna").status_code == 403
    assert engine.answer("fleet_code", run, "wave_1.approve", APPROVE, by="eve").status_code == 403
    assert fleet.heads() == bad
    plan = fleet.page("plan").read_text()
    assert "3 planned, of 3 stacks." in plan
    assert "Plan A: 3 stacks" in plan

    assert engine.answer("fleet_code", run, "wave_1.approve", APPROVE, by="ben").is_success
    assert engine.answer("fleet_code", run, "wave_2.approve", REJECT, by="anna").status_code == 403
    asked = engine.get(f"/dags/fleet_code/dagRuns/{run}/taskInstances/wave_2.approve/-1/hitlDetails")["body"]
    assert asked.startswith("Wave 2: **b, c**. So far: 2 planned, 1 done, of 3 stacks.\n\n**3 planned, of 3 stacks.**"), asked
    after_canary = fleet.heads()
    assert [name for name in bad if after_canary[name] != bad[name]] == ["a"]
    assert engine.answer("fleet_code", run, "wave_2.approve", APPROVE, by="ben").is_success
    assert engine.ended("fleet_code", run) == "success", engine.states("fleet_code", run)

    good = fleet.heads()
    assert [name for name in bad if good[name] == bad[name]] == []
    for name in fleet.hosts:
        (record,) = fleet.records(name)
        assert record["verdict"] == "succeeded"
        assert f"fleet_code {run}: approved by ben at 20" in record["because"]
    shown = fleet.page("verdict").read_text()
    assert "The fleet is rolled back." in shown
    assert "3 done, of 3 stacks." in shown
    # The operator leaves what others need.
    outcome = {key: engine.xcom("fleet_code", run, "wave_1.apply", key, 0) for key in ("verdict", "record", "plan")}
    (record,) = fleet.records("a")
    assert outcome == {"verdict": "succeeded", "record": record["incident"], "plan": record["plan"]}


def test_it_stops_at_the_host_that_fails_and_undoes_what_was_done(fleet: Fleet) -> None:
    engine = fleet.airflow
    fleet.break_("code", "a", "c")
    fleet.break_("release", "b")  # more is broken there, so that the rollback of its code does not bring its route back
    bad = fleet.heads()
    run = engine.trigger("fleet_once", by="anna")
    assert engine.answer("fleet_once", run, "wave_1.approve", APPROVE, by="ben").is_success
    until("the offer", lambda: engine.state("fleet_once", run, "offer_undo") == "awaiting_input" or None)
    now = fleet.heads()
    assert [name for name in bad if now[name] != bad[name]] == ["a"]
    assert fleet.records("b")[0]["verdict"] == "failed-restored"
    assert fleet.records("c") == []

    # Who triggered it may choose: the way back needs no second person.
    assert engine.answer("fleet_once", run, "offer_undo", UNDO, by="anna").is_success
    assert engine.ended("fleet_once", run) == "failed"
    assert fleet.heads() == bad
    assert [one["procedure"] for one in fleet.records("a")] == ["code", "undo"]
    states = engine.states("fleet_once", run)
    assert (states["wave_1.settle"], states["wave_2.settle"], states["wave_3.apply"]) == (["success"], ["failed"], ["upstream_failed"])
    shown = fleet.page("verdict").read_text()
    assert "The fleet is not rolled back: 1 stack was not begun. Undone: 1 of 1." in shown
    assert "1 planned, 1 undone, 1 failed and restored, of 3 stacks." in shown


def test_locked_drifted_and_unreachable_are_told_apart(fleet: Fleet) -> None:
    engine = fleet.airflow
    fleet.break_("code")
    bad = fleet.heads()
    fleet.cut_off("a")
    run = engine.trigger("fleet_lenient", by="anna")
    until("the question", lambda: engine.state("fleet_lenient", run, "wave_1.approve") == "awaiting_input" or None)
    link = Link("contabo", fleet.hosts["b"].ssh_config, lambda _: None)
    taken = lock.take("/var/lib/rollback/voice-b", Owner.now("abcdef", "code", "carl@laptop", "a deploy"), take_over=False)
    assert link.run(script((taken,)), send=Secret("00" * 32)).status == 0
    link.close()
    fleet.ssh("c", "cd /opt/dyniq-voice; git commit -q --allow-empty -m 'a hand was quicker'")
    moved = fleet.heads()

    assert engine.answer("fleet_lenient", run, "wave_1.approve", APPROVE, by="ben").is_success
    assert engine.answer("fleet_lenient", run, "wave_2.approve", APPROVE, by="ben").is_success
    assert engine.ended("fleet_lenient", run) == "success"
    assert "1 locked, 1 drifted, 1 unreachable, of 3 stacks." in fleet.page("verdict").read_text()
    assert fleet.heads() == moved
    assert moved["b"] == bad["b"]


def test_what_nobody_approves_is_not_begun(fleet: Fleet) -> None:
    engine = fleet.airflow
    fleet.break_("code")
    bad = fleet.heads()
    run = engine.trigger("fleet_code", by="anna")
    assert engine.answer("fleet_code", run, "wave_1.approve", REJECT, by="ben").is_success
    assert engine.ended("fleet_code", run) == "failed"
    assert fleet.heads() == bad
    assert [fleet.records(name) for name in "abc"] == [[], [], []]
    assert engine.states("fleet_code", run)["wave_1.apply"] == ["upstream_failed"]
    assert "ben rejected it, so nothing was begun" in engine.log("fleet_code", run, "wave_1.approve")
    assert "The fleet is not rolled back: 3 stacks were not begun." in fleet.page("verdict").read_text()


def _run(fleet: Fleet) -> psutil.Process:
    """The only run that changes a host of the fleet."""
    applying = [one for one in psutil.process_iter(["cmdline", "cwd"]) if "--apply" in (one.info["cmdline"] or [])]
    (run,) = [one for one in applying if one.info["cwd"] == str(fleet.runbooks)]
    return run


def _in_a_step(fleet: Fleet) -> tuple[dict[str, str], str, str]:
    """A fleet rollback that is stopped in the middle of a step on host a: the bad commits, its run of the DAG, and the job of the step."""
    fleet.break_("code")
    fleet.edit("a", state_directory=STATE)
    bad = fleet.heads()
    return bad, *frozen(fleet, "fleet_once")


def _let_go(fleet: Fleet, job: str) -> None:
    """Let the step go on."""
    fleet.hosts["a"].exec(f'kill -s CONT -- "-$(($(cat {job}/pid)))"')


def _ends(run: psutil.Process) -> None:
    """Wait until a run has ended that was told to."""
    _, left = psutil.wait_procs([run], timeout=60)
    assert left == [], "the run was not told to end"


def _once(fleet: Fleet, name: str) -> None:
    """Each step of the only rollback of a stack ran once. One that was running is in the record again as the resumed run attaches to it."""
    (record,) = fleet.records(name)
    assert record["verdict"] == "succeeded", record
    events = fleet.events(record["incident"])
    begun = {(one["step"], one["job"]) for one in events if one["event"] == "step-begin"}
    steps = {step for step, _ in begun}
    assert len(begun) == len(steps), begun
    kept = fleet.ssh(name, f"ls {STATE}/jobs/{record['incident']}")
    assert steps <= set(kept.split())


@pytest.mark.parametrize("killed", ["worker", "scheduler"])
def test_a_rollback_goes_on_where_it_was_when_airflow_is_killed(fleet: Fleet, killed: str) -> None:
    engine = fleet.airflow
    bad, run, job = _in_a_step(fleet)
    if killed == "worker":
        rollback = _run(fleet)
        for one in (rollback.parent(), *rollback.children(recursive=True), rollback):  # the task, and its run
            one.send_signal(signal.SIGKILL)
    else:
        engine.restart_scheduler()
    time.sleep(2)
    _let_go(fleet, job)
    assert engine.ended("fleet_once", run, 400) == "success", engine.states("fleet_once", run)
    _once(fleet, "a")
    assert fleet.heads()["a"] != bad["a"]


def test_a_run_whose_task_is_marked_as_failed_is_ended_and_then_resumed(fleet: Fleet) -> None:
    """A person marks it in Airflow. The wave is settled as ever, so the stack does not stay half changed, and no step runs twice."""
    engine = fleet.airflow
    bad, run, job = _in_a_step(fleet)
    rollback = _run(fleet)
    engine.mark_task("fleet_once", run, "wave_1.apply", 0)
    _ends(rollback)
    _let_go(fleet, job)
    assert engine.ended("fleet_once", run, 400) == "success", engine.states("fleet_once", run)
    assert engine.state("fleet_once", run, "wave_1.apply", 0) == "failed"
    _once(fleet, "a")
    assert "1 done, of 1 stack." in fleet.page("verdict").read_text()
    assert fleet.heads()["a"] != bad["a"]


def test_a_fleet_that_is_marked_as_failed_is_left_to_a_person(fleet: Fleet) -> None:
    """Nothing more of it begins. The record of what ran says how far it came, and `rollback resume` brings it to an end."""
    engine = fleet.airflow
    bad, run, job = _in_a_step(fleet)
    rollback = _run(fleet)
    engine.mark("fleet_once", run)
    _ends(rollback)
    (record,) = fleet.records("a")
    assert record["verdict"] == "unknown"
    assert f"`rollback resume {record['incident']}` finds out, and continues" in record["reason"]
    assert (record["steps"]["build"], record["steps"]["remember"]) == ("done", "not begun")
    assert record["steps"]["recreate"] == "begun, its end is not known: it may be half done"
    assert set(engine.states("fleet_once", run)["wave_1.settle"]) == {"skipped"}

    _let_go(fleet, job)
    fleet.rollback("resume", record["incident"])
    _once(fleet, "a")
    assert fleet.heads()["a"] != bad["a"]
