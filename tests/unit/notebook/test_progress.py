"""Where a run stands, in the line that stays in sight."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rollback_lib.notebook.bar import Bar
from rollback_lib.notebook.progress import progress
from rollback_lib.run.incident import Incident
from rollback_lib.run.run import Run
from tests.builders.plans import echoing
from tests.builders.runs import Person


def said(run: Run, seconds: float = 0.0) -> str:
    return progress(run, {}, datetime.now(UTC) + timedelta(seconds=seconds)).words


def test_a_run_from_its_opening_to_its_verdict(incident: Incident, person: Person) -> None:
    run, plan = incident._run, echoing("aaa")
    run.opening = replace(run.opening, mode="apply", usual=(12.0,))
    assert said(run) == "looking; nothing is changed so far"
    run.plan = plan
    asked = progress(run, {"b": False, "a": True})
    assert (asked.level, asked.gate, asked.stop, asked.routes) == ("warn", True, False, (("a", True), ("b", False)))
    assert "waits for you to confirm the plan" in asked.words
    run.conclude("refused", "a cell below the gate ran, and nobody had confirmed")
    assert progress(run, {}).gate
    incident.confirm(plan, "contabo")
    assert "next: Build; " in said(run)
    assert "s of the budget of 60 s; usually 12 s" in said(run)
    run.folder.event("step-begin", step="build", job="build", plan=plan.hash, touches=False, commands=["echo aaa"])
    running = progress(run, {}, datetime.now(UTC) + timedelta(seconds=8))
    assert (running.gate, running.stop) == (False, True)
    assert "Build: 8 s so far; " in running.words
    run.stop()
    stopping = progress(run, {})
    assert (stopping.level, stopping.stop) == ("warn", False)
    assert stopping.words.endswith("it stops after this step")
    run.folder.event("step-end", step="build", job="build", plan=plan.hash, status=0, last_lines=[])
    run.conclude("succeeded", "every route is healthy")
    ended = progress(run, {})
    assert (ended.level, ended.words, ended.stop, ended.over) == ("good", "succeeded: every route is healthy", False, True)


def test_a_plan_that_is_refused(incident: Incident) -> None:
    incident._run.conclude("refused", "the tree has changes that are in no commit")
    shown = progress(incident._run, {})
    assert (shown.level, shown.words, shown.over) == ("warn", "refused: the tree has changes that are in no commit", False)


def test_a_refusal_that_no_gate_lifts_leaves_nothing_but_to_close_the_record(incident: Incident, person: Person) -> None:
    """After NotConfirmed the run waits at its gate; after a build that failed it does not, until it goes on."""
    run, plan = incident._run, echoing("aaa")
    run.opening = replace(run.opening, mode="apply")
    incident.confirm(plan)

    def refused(kind: str) -> None:
        run.folder.event("error", cell="build", type=kind, error="no")
        run.conclude("refused", "the build failed")

    refused("NotConfirmed")
    assert (progress(run, {}).gate, progress(run, {}).over) == (True, False)
    person.buttons[-1]()
    assert "next: Build; " in said(run)
    refused("TargetRefused")
    assert (progress(run, {}).words, progress(run, {}).over) == ("refused: the build failed", True)
    bar = Bar(run, lambda: ())
    assert (bar._update(), bar.ended) == (False, True)
    bar.closes()
    assert (bar._update(), bar.ended) == (True, False)
    run.reopen()
    assert "next: Build; " in said(run)


def test_a_run_that_only_plans_has_no_gate(incident: Incident) -> None:
    run = incident._run
    run.opening, run.plan = replace(run.opening, mode="plan"), echoing("aaa")
    assert said(run) == "nothing is changed: this run only looks and plans"
    assert not progress(run, {}).gate


def test_the_newest_probe_of_a_route_counts_whoever_sent_it(incident: Incident) -> None:
    run, now = incident._run, datetime.now(UTC)
    bar = Bar(run, lambda: ())
    for seconds, ok in ((2, True), (0, False)):
        run.folder.event("probe", sent=(now + timedelta(seconds=seconds)).isoformat(), route="api", ok=ok, status=200, ms=3, said="")
    bar._update()
    assert bar.routes == [["api", True]]


def test_a_plan_that_waits_for_an_approval(incident: Incident) -> None:
    incident.confirm(echoing("aaa"))
    incident._run.folder.event("approval-asked", plan=echoing("aaa").hash, incident=incident.id, until="2026-11-30T12:00:00Z")
    assert said(incident._run) == "waits for an approval, and for you to confirm the plan; nothing is changed so far"
    incident._run.folder.event("approved", plan=echoing("aaa").hash, incident=incident.id, by=["ben"])
    assert said(incident._run) == "waits for you to confirm the plan; nothing is changed so far"


def test_losses_that_wait_to_be_accepted(incident: Incident, person: Person) -> None:
    run, plan = incident._run, echoing("aaa")
    incident.confirm(plan, "contabo")
    run.opening = replace(run.opening, mode="apply")
    run.folder.event("loss-shown", plan=plan.hash, loss="abc", restored=True, lines=["calls: 25 rows now, 0 rows in the backup"])
    asked = progress(run, {})
    assert (asked.gate, asked.words) == (True, "waits for you to accept what is lost; nothing that serves is changed so far")
    run.folder.event("accepted", plan=plan.hash, loss="abc", by="person", who="me", name="dyniq")
    assert not progress(run, {}).gate
