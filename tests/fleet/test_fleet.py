"""A fleet rollback on a real Airflow: approved by a person, a canary first, and held to what the records say."""

from tests.fleet.fleet import Fleet

APPROVE, REJECT = "Approve", "Reject"


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
    assert "3 planned; of 3 stacks." in plan
    assert "Plan A: 3 stacks" in plan

    assert engine.answer("fleet_code", run, "wave_1.approve", APPROVE, by="ben").is_success
    assert engine.answer("fleet_code", run, "wave_2.approve", REJECT, by="anna").status_code == 403
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
    assert "3 done; of 3 stacks." in shown
    # The operator leaves what others need.
    outcome = {key: engine.xcom("fleet_code", run, "wave_1.apply", key, 0) for key in ("verdict", "record", "plan")}
    (record,) = fleet.records("a")
    assert outcome == {"verdict": "succeeded", "record": record["incident"], "plan": record["plan"]}
