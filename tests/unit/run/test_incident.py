"""The gate, with a host that only notes what it is told to run."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rollback_lib.commands.command import Command
from rollback_lib.errors import ConnectionRefused, Failed, NotConfirmed, Paused, Refused, TargetRefused
from rollback_lib.facts import docker
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.host import Host as AskedHost
from rollback_lib.record import proof
from rollback_lib.record.audit import verify
from rollback_lib.record.folder import ROOT_VARIABLE, Folder
from rollback_lib.run.incident import Incident
from rollback_lib.run.monitor import Monitor
from rollback_lib.run.sealing import Seal
from rollback_lib.secrets.redactor import HIDDEN
from rollback_lib.secrets.secret import Key, Secret
from tests.builders.looks import Looks
from tests.builders.plans import Loss, changing, echoing, losing, plan, step
from tests.builders.runs import Host, Person, opened, taken_up
from tests.builders.stack import STACK_FILE


def test_two_incidents_in_one_process_share_neither_secrets_nor_hashes(tmp_path: Path, host: Host, person: Person) -> None:
    def reading(asked: AskedHost, value: str) -> Key:
        secret = Fact((Command.of("cat", "file"),), lambda _: Secret(value), hides=lambda found: [found.reveal().decode()])
        asked.ask(secret).result()
        return asked.key

    runs = [opened(tmp_path, host, person)._run for _ in range(2)]
    one, other = (reading(run.host(), value) for run, value in zip(runs, ("first-secret", "second-secret"), strict=True))
    for run in runs:
        run.folder.event("said", words="first-secret second-secret")
    said = [run.folder.events()[-1]["words"] for run in runs]
    assert said == [f"{HIDDEN} second-secret", f"first-secret {HIDDEN}"]
    mine, theirs = one.fingerprint(Secret("the same")), other.fingerprint(Secret("the same"))
    assert mine != theirs
    runs[0].lock.take(take_over=False)  # with the key that the host has of it
    assert (one.reveal(), other.fingerprint(Secret("the same"))) == (bytes(32), theirs)


def test_a_plan_is_confirmed_and_its_steps_done_once(incident: Incident, host: Host, person: Person) -> None:
    chosen = echoing("aaa")
    incident.confirm(chosen)
    with pytest.raises(NotConfirmed):
        incident.apply(chosen.build)
    assert host.ran == []
    assert incident._run.folder.record()["verdict"] == "refused"
    person.buttons[0]()
    incident.apply(chosen.build)
    incident.apply(chosen.build)
    assert len(host.ran) == 1
    assert incident._run.folder.record()["verdict"] == "unknown"  # it goes on: who is killed now was not refused


def test_another_plan_needs_a_confirmation_of_its_own_and_its_steps_are_not_done(incident: Incident, host: Host, person: Person) -> None:
    first, second = echoing("aaa"), echoing("bbb")
    incident.confirm(first)
    person.buttons[0]()
    incident.apply(first.build)
    incident.confirm(second)
    with pytest.raises(NotConfirmed):
        incident.apply(second.build)
    person.buttons[0]()  # the button of the first plan, still on the screen
    with pytest.raises(NotConfirmed):
        incident.apply(second.build)
    person.buttons[1]()
    incident.apply(second.build)
    assert ["echo aaa" in host.ran[0], "echo bbb" in host.ran[1]] == [True, True]


def test_an_incident_that_was_closed_stays_closed(
    incident: Incident, host: Host, person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollback_lib.run.sealing.atexit.register", lambda _: None)
    host.close = lambda: None
    folder, chosen = incident._run.folder, echoing("aaa")
    incident._run.seal = Seal(folder, tmp_path)
    incident.confirm(chosen)
    incident.close()
    kept = {file: file.read_bytes() for file in folder.path.rglob("*") if file.is_file()}
    for cell in (lambda: incident.apply(chosen.build), lambda: incident.confirm(chosen), incident.close, person.buttons[0]):
        with pytest.raises(Refused, match=f"{folder.id} is closed, and its record is sealed"):
            cell()
    assert host.ran == []
    assert {file: file.read_bytes() for file in folder.path.rglob("*") if file.is_file()} == kept
    assert (verify(tmp_path).sealed, verify(tmp_path).findings) == (1, ())


def test_a_run_that_another_has_gone_on_with_writes_nothing_more(
    incident: Incident, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollback_lib.run.sealing.atexit.register", lambda _: None)
    folder = incident._run.folder
    incident._run.seal = Seal(folder, tmp_path)
    Folder(folder.path).event("resumed", who="somebody else")
    events = folder.events()
    with pytest.raises(Refused, match=f"another run has resumed {folder.id} since"):
        incident.confirm(echoing("aaa"), "contabo")
    assert folder.events() == events


def test_closing_looks_at_the_routes_no_more(incident: Incident, person: Person) -> None:
    incident._run.monitor.open()
    incident._run.link.close = lambda: None
    incident.close()
    assert incident._run.monitor.close() == ()


def test_the_events_hold_the_hashes_of_plan_and_stack(
    incident: Incident, person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident.confirm(echoing("aaa"))
    planned = incident._run.folder
    assert planned.events()[-1]["sha256"] == planned.hashes("plan.json", "plan.sh", "undo.sh")

    def unreachable(*_: object) -> None:
        raise ConnectionRefused("contabo cannot be reached")

    root = tmp_path / "incidents"
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    monkeypatch.setattr("rollback_lib.run.opening.Link.to", unreachable)
    monkeypatch.setattr("rollback_lib.run.sealing.atexit.register", lambda _: None)
    with pytest.raises(ConnectionRefused):
        Incident.open("code", STACK_FILE, console=person)
    opened = Folder(next(root.glob("*/*/*/*")))
    assert opened.events()[0]["sha256"] == opened.hashes("stack.json")
    proof.check(opened.path, root)
    assert (verify(root).sealed, verify(root).findings) == (1, ())


def test_what_a_step_said_stays_when_it_is_run_again(incident: Incident, host: Host, person: Person) -> None:
    """Even where the host has forgotten the job, as after 30 days."""
    chosen = echoing("aaa")
    incident.confirm(chosen, "contabo")
    host.says, host.failing = "first\n", "echo aaa"
    with pytest.raises(TargetRefused):
        incident.apply(chosen.build)
    output = incident._run.folder.path / "output"
    kept = {file.name: file.read_bytes() for file in output.iterdir()}
    host.failing = "nothing of the kind"
    again = taken_up(incident, host, person)
    again.confirm(again.saved_plan)
    again.apply(again.saved_plan.build)
    assert {file.name: file.read_bytes() for file in output.iterdir() if file.name in kept} == kept
    assert {file.name for file in output.iterdir()} == {"build.txt", "build.2.txt"}


def test_logs_that_were_kept_before_stay(incident: Incident, host: Host, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Looks(["before"], ["after"])
    monkeypatch.setattr(docker, "whole_log", lambda *_: Fact((), kept))
    incident.confirm(plan(changing("build"), removes=("api",)))
    again = taken_up(incident, host, person)
    again.confirm(again.saved_plan)
    assert (incident._run.folder.path / "logs" / "api.txt").read_text() == "before\n"


def test_a_run_that_was_asked_to_stop_stops_before_its_next_step_and_goes_on_when_told_to(
    incident: Incident, host: Host, person: Person
) -> None:  # fmt: skip
    chosen = echoing("aaa")
    incident.confirm(chosen, "contabo")
    incident._run.stop()
    with pytest.raises(Paused, match="stopped before step build, as you asked; nothing that serves on contabo was changed"):
        incident.apply(chosen.build)
    assert host.ran == []
    incident.apply(chosen.build)
    assert len(host.ran) == 1


def test_the_record_has_since_when_a_route_failed_and_how_long_by_the_rollback(
    incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """`api` fails from the look on, `page` since the first step that changes the stack, and that step fails."""
    run, began = incident._run, datetime.now(UTC)

    def seen(route: str, ok: bool, second: float) -> None:
        sent = (began + timedelta(seconds=second)).isoformat(timespec="milliseconds")
        run.folder.event("probe", sent=sent, route=route, ok=ok, status=500, ms=3, said="")

    monkeypatch.setattr(Monitor, "open", lambda _: [seen("api", False, 10), seen("page", False, 10), seen("page", True, 11.116)])
    seen("api", False, -5)
    seen("page", True, -5)
    chosen = plan(step("build"), changing("swap", Command.of("false")))
    incident.confirm(chosen, "contabo")
    incident.apply(chosen.build)
    run.link.failing = "false"
    with pytest.raises(Failed):
        incident.apply(chosen.swap)
    record = run.folder.record()
    assert record["failing_since"] == (began - timedelta(seconds=5)).isoformat(timespec="milliseconds")
    assert record["outage_by_rollback_seconds"] == 1.116


def test_what_is_lost_has_to_be_accepted_for_this_plan(incident: Incident, host: Host, person: Person) -> None:
    chosen = losing()
    incident.confirm(chosen, "contabo")
    with pytest.raises(NotConfirmed, match="not accepted"):
        incident.apply(chosen.swap)
    with pytest.raises(Refused, match="nothing is restored yet"):
        incident.accept(chosen, Loss(restored=False), "true")
    incident.accept(chosen, Loss(), "")
    with pytest.raises(NotConfirmed, match="not accepted"):
        incident.apply(chosen.swap)
    assert host.ran == []
    person.buttons[-1]()
    incident.apply(chosen.swap)
    assert "echo swap" in host.ran[0]


def test_nothing_is_changed_before_what_a_later_step_loses_is_accepted(incident: Incident, host: Host, person: Person) -> None:
    chosen = plan(step("restore"), changing("recreate"), *losing().steps)
    incident.confirm(chosen, "contabo")
    incident.apply(chosen.restore)
    with pytest.raises(NotConfirmed, match="not accepted"):
        incident.apply(chosen.recreate)
    assert len(host.ran) == 1
    incident.accept(chosen, Loss(), "true")
    incident.apply(chosen.recreate)
    incident.apply(chosen.swap)
    assert len(host.ran) == 3


def test_where_no_step_loses_data_there_is_nothing_to_accept(incident: Incident, host: Host, person: Person) -> None:
    chosen = plan(step("restore", skip="no database is part of it"), changing("recreate"))
    incident.confirm(chosen, "contabo")
    incident.accept(chosen, Loss(restored=False), "")
    assert not [event for event in incident._run.folder.events() if event["event"] == "loss-shown"]
    incident.apply(chosen.recreate)
    assert len(host.ran) == 1


def test_where_nobody_can_accept_what_was_made_is_removed(incident: Incident, host: Host, person: Person) -> None:
    chosen, person.there = losing(), False
    incident.confirm(chosen, "contabo")
    with pytest.raises(NotConfirmed, match="accept_loss=true"):
        incident.accept(chosen, Loss(), "false")
    assert "echo 'clean up'" in host.ran[-1]


def test_another_list_has_to_be_accepted_anew(incident: Incident, host: Host, person: Person) -> None:
    chosen = losing()
    incident.confirm(chosen, "contabo")
    incident.accept(chosen, Loss(), "true")
    incident.accept(chosen, Loss(hash="2"), "")
    with pytest.raises(NotConfirmed, match="not accepted"):
        incident.apply(chosen.swap)
    assert host.ran == []


def test_the_budget_counts_from_the_moment_at_which_a_person_confirms(incident: Incident, person: Person) -> None:
    """They read the plan for as long as they like. A run that was confirmed beforehand counts as a whole."""
    run, chosen = incident._run, echoing("aaa")
    run.started -= 600
    incident.confirm(chosen)
    assert run.seconds() > 600
    person.buttons[-1]()
    assert run.seconds() < 60
    incident.confirm(chosen, "contabo")
    assert run.seconds() > 600
