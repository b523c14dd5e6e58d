"""A fleet on workers that share an archive and no disk: every task has a runbook folder of its own."""

from pathlib import Path

from tests.fleet.archive import Archive
from tests.fleet.engine import until
from tests.fleet.fleet import STATE, Fleet, frozen


def test_what_one_worker_did_is_undone_by_another(fleet: Fleet, archive: Archive, tmp_path: Path) -> None:
    engine = fleet.airflow
    fleet.break_("code", "a", "c")
    fleet.break_("release", "b")  # more is broken there, so that the rollback of its code does not bring its route back
    bad = fleet.heads()
    run = engine.trigger("fleet_apart", by="anna")
    assert engine.answer("fleet_apart", run, "wave_1.approve", "Approve", by="ben").is_success
    asked = engine.get(f"/dags/fleet_apart/dagRuns/{run}/taskInstances/wave_1.approve/-1/hitlDetails")["body"]
    assert f"The fleet page, with every command: `{archive.address}/20" in asked
    assert "Plan A: 2 stacks" in archive.page("plan")
    until("the offer", lambda: engine.state("fleet_apart", run, "offer_undo") == "awaiting_input" or None)
    now = fleet.heads()
    assert [name for name in bad if now[name] != bad[name]] == ["a"]

    assert engine.answer("fleet_apart", run, "offer_undo", "Undo them, in reverse", by="anna").is_success
    assert engine.ended("fleet_apart", run) == "failed"
    assert fleet.heads() == bad
    page = archive.page("verdict")
    assert "The fleet is not rolled back: 1 stack was not begun. Undone: 1 of 1." in page
    assert "1 planned, 1 undone, 1 failed and restored, of 3 stacks." in page

    # Six runs, each on a worker of its own, and the undo has fetched what it undoes.
    assert not (fleet.runbooks / "incidents").exists()
    records = archive.records(run, tmp_path)
    told = [(one["stack"], one["procedure"], one["verdict"]) for one in records if one["mode"] == "apply"]
    assert told == [("voice-a", "code", "succeeded"), ("voice-b", "code", "failed-restored"), ("voice-a", "undo", "succeeded")]
    assert len({one["writer"] for one in records}) == len(records) == 6
    archive.said(tmp_path, "verify")


def test_a_run_that_was_ended_on_one_worker_is_resumed_by_another(fleet: Fleet, archive: Archive, tmp_path: Path) -> None:
    """Its task is marked as failed. Its record, which says that the end is not known, gets into the archive; whoever settles the wave
    fetches it from there."""
    engine = fleet.airflow
    fleet.break_("code")
    fleet.edit("a", state_directory=STATE)
    bad = fleet.heads()
    run, job = frozen(fleet, "fleet_apart")
    engine.mark_task("fleet_apart", run, "wave_1.apply", 0)
    until("its record is archived", lambda: [one for one in archive.records(run, tmp_path) if one["mode"] == "apply"] or None, 90)
    fleet.hosts["a"].exec(f'kill -s CONT -- "-$(($(cat {job}/pid)))"')
    assert engine.ended("fleet_apart", run, 400) == "success", engine.states("fleet_apart", run)
    assert "1 done, of 1 stack." in archive.page("verdict")
    assert fleet.heads()["a"] != bad["a"]
    first, second = [one for one in archive.records(run, tmp_path) if one["mode"] == "apply"]
    assert first["incident"] == second["incident"]
    assert {first["verdict"], second["verdict"]} == {"unknown", "succeeded"}
    archive.said(tmp_path, "verify")
