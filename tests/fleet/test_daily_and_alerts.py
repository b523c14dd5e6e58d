"""Readiness of every day, and an alert that brings a rollback to a person."""

from tests.fleet.engine import until
from tests.fleet.fleet import Fleet


def test_every_day_says_which_stacks_could_not_be_rolled_back(fleet: Fleet) -> None:
    engine = fleet.airflow
    fleet.cut_off("b")
    run = engine.trigger("daily", by="anna")
    assert engine.ended("daily", run, 500) == "failed"
    assert engine.states("daily", run)["archive"] == ["success"]
    page = fleet.page("readiness").read_text()
    assert "1 unreachable, of 3 stacks." in page
    assert {fleet.records(name)[0]["procedure"] for name in "ac"} == {"readiness"}


def test_an_alert_brings_the_rollback_that_fits_to_a_person(fleet: Fleet) -> None:
    """The payload is what Alertmanager sends; nothing is applied before somebody has approved it."""
    engine = fleet.airflow
    fleet.break_("code", "c")
    bad = fleet.heads()
    firing = {"status": "firing", "labels": {"alertname": "RouteDown", "stack": "c"}, "annotations": {}, "startsAt": "2026-11-30T03:00:00Z"}
    resolved = {**firing, "status": "resolved", "labels": {"alertname": "RouteDown", "stack": "a"}}
    payload = {"version": "4", "groupKey": "{}:{}", "status": "firing", "receiver": "rollback", "alerts": [firing, firing, resolved]}
    run = engine.trigger("alert", by="eve", **payload)
    until("the question", lambda: engine.state("alert", run, "incident.approve", 0) == "awaiting_input" or None, 400)
    asked = engine.get(f"/dags/alert/dagRuns/{run}/taskInstances/incident.approve/0/hitlDetails")
    assert "Triage says code fits" in asked["body"]
    assert asked["subject"] == "c: an alert, and a rollback that fits. May it begin?"
    assert fleet.heads() == bad

    assert engine.answer("alert", run, "incident.approve", "Approve", by="ben", index=0).is_success
    assert engine.ended("alert", run, 400) == "success", engine.states("alert", run)
    now = fleet.heads()
    assert [name for name in bad if now[name] != bad[name]] == ["c"]
    assert f"alert {run}: approved by ben at 20" in fleet.records("c")[0]["because"]


def test_an_alert_of_a_stack_that_nobody_knows_is_refused(fleet: Fleet) -> None:
    engine = fleet.airflow
    run = engine.trigger("alert", by="eve", alerts=[{"status": "firing", "labels": {"stack": "../../etc/passwd"}}])
    assert engine.ended("alert", run) == "failed"
    assert "the label stack of an alert is one of a, b, c, not '../../etc/passwd'" in engine.log("alert", run, "firing")


def test_an_alert_begins_what_the_stack_file_names_and_that_once_a_day(fleet: Fleet) -> None:
    engine = fleet.airflow
    fleet.break_("code", "b", "c")
    fleet.edit("b", unattended=["image"])  # another one
    fleet.edit("c", unattended=["code"])
    bad = fleet.heads()
    alerts = [{"status": "firing", "labels": {"stack": name}} for name in "bc"]
    run = engine.trigger("alert", by="eve", alerts=alerts)
    until("c is rolled back", lambda: engine.state("alert", run, "incident.apply", 1) == "success" or None, 400)
    until("the question of b", lambda: engine.state("alert", run, "incident.approve", 0) == "awaiting_input" or None, 400)
    now = fleet.heads()
    assert [name for name in bad if now[name] != bad[name]] == ["c"]
    assert f"alert {run}: approved by its stack file (unattended) at 20" in fleet.records("c")[0]["because"]
    assert engine.answer("alert", run, "incident.approve", "Reject", by="ben", index=0).is_success
    assert engine.ended("alert", run, 400) == "failed"

    fleet.hosts["c"].reset()
    fleet.break_("code", "c")
    bad = fleet.heads()
    again = engine.trigger("alert", by="eve", alerts=alerts[1:])
    until("the question", lambda: engine.state("alert", again, "incident.approve", 0) == "awaiting_input" or None, 400)
    asked = engine.get(f"/dags/alert/dagRuns/{again}/taskInstances/incident.approve/0/hitlDetails")
    assert asked["body"].startswith("It was rolled back without a person within a day, so this time a person is asked.")
    assert engine.answer("alert", again, "incident.approve", "Reject", by="ben", index=0).is_success
    assert engine.ended("alert", again, 400) == "failed"
    assert fleet.heads() == bad


def test_drills_are_made_and_scored(fleet: Fleet) -> None:
    """On a practice host of the worker: it belongs to the worker's runbook folder."""
    engine, name = fleet.airflow, f"{fleet.hosts['a'].name}-d"
    ports = "--ssh-port", str(fleet.hosts["c"].ssh_port + 2), "--https-port", str(fleet.hosts["c"].https_port + 2)
    fleet.rollback("lab", "up", "--name", name, *ports)
    try:
        run = engine.trigger("drills", by="anna")
        assert engine.ended("drills", run, 400) == "success", engine.log("drills", run, "drill_code")
    finally:
        fleet.rollback("lab", "down", "--name", name)
    said = engine.log("drills", run, "drill_code")
    assert "succeeded: the effect is the one asked for, and every route is healthy" in said
    assert "code" in engine.xcom("drills", run, "drill_code"), "the score"
    assert "drill" in [one["because"] for one in fleet.every_record()]
