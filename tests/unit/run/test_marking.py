"""A mark as a run: health first, then one job under the lock, and a record that is sealed however it ends."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rollback_lib.errors import LinkLost
from rollback_lib.host.lock import Owner
from rollback_lib.procedures import mark
from rollback_lib.record.audit import verify
from rollback_lib.record.folder import Folder
from rollback_lib.record.verdict import Verdict
from rollback_lib.run import marking, resume
from rollback_lib.run.incident import Incident
from rollback_lib.run.monitor import Monitor
from rollback_lib.run.sealing import Seal
from rollback_lib.run.stages import Closing
from tests.builders.looks import Looks
from tests.builders.routes import FAIL, PASS, Routes
from tests.builders.runs import Host, Person, finding, opening, run
from tests.builders.stack import with_health
from tests.unit.procedures.test_mark import state

STACK = with_health(passes=2, every=0.01, deadline=0.5)
Marking = Callable[..., Closing]


@pytest.fixture
def marked(tmp_path: Path, host: Host, person: Person, monkeypatch: pytest.MonkeyPatch) -> Marking:
    """A mark of what the state says runs, on a host that only notes what it is told to run."""
    monkeypatch.setattr("rollback_lib.run.sealing.atexit.register", lambda _: None)

    def call(verdict: str = mark.HEALTHY, **changes: object) -> Closing:
        incident = Incident(run(opening(Folder.create("mark", tmp_path), procedure="mark"), host, person, STACK))
        finding(incident, document=Looks(state(stack=STACK, **changes)))
        incident._run.seal = Seal(incident._run.folder, tmp_path)
        monkeypatch.setattr(Incident, "open", lambda *_, **__: incident)
        return marking.run("shop", person, verdict=verdict)

    return call


def sealed(root: Path) -> bool:
    found = verify(root)
    return (found.sealed, found.open, found.findings) == (1, 0, ())


def test_a_healthy_stack_is_entered_by_one_job(marked: Marking, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Routes().instead_of_real_ones(monkeypatch)
    closing = marked()
    assert (closing.verdict, closing.verdict.status) == (Verdict.MARKED, 0)
    assert [job.name for job in host.started] == ["remember"]
    assert "releases.jsonl" in host.started[0].script
    record = Folder(closing.folder).record()
    assert record["found"]["releases"][0]["service"] == "agents-api"
    assert record["steps"] == {"remember": "done"}
    assert sealed(tmp_path)
    assert not (closing.folder / "postmortem.md").exists()


def test_a_service_that_is_just_starting_is_waited_for(
    marked: Marking, host: Host, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollback_lib.run.incident.PATIENCE", 0.02)
    Routes(agents_api=[FAIL] * 8 + [PASS]).instead_of_real_ones(monkeypatch)
    assert marked().verdict is Verdict.MARKED
    assert len(host.started) == 1
    assert any(line.startswith("● Not healthy yet: agents-api") and line.endswith("0.5 s at most …") for line in person.lines)


def test_an_unhealthy_stack_is_not_entered_and_the_route_is_named(
    marked: Marking, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Routes(ruben_api=[PASS, FAIL]).instead_of_real_ones(monkeypatch)
    monkeypatch.setattr("rollback_lib.run.incident.PATIENCE", 0.3)
    wait, waited = Monitor.failing, []
    monkeypatch.setattr(Monitor, "failing", lambda monitor, most: (waited.append(most), wait(monitor, most))[1])
    closing = marked()
    assert sum(waited) == pytest.approx(0.5), "the deadline of the stack, and no more"
    assert (closing.verdict, closing.verdict.status) == (Verdict.NOT_READY, 7)
    assert closing.reason == (
        "contabo is not healthy, so nothing was entered: route ruben-api did not pass 2 probes in a row in 0.5 s (500: out of order)"
    )
    assert closing.next_actions == ("See what is wrong: `rollback run triage --stack shop`; mark it again once it is healthy.",)
    assert host.started == []
    assert sealed(tmp_path)


def test_what_is_bad_needs_no_health(marked: Marking, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    routes = Routes(agents_api=[FAIL], ruben_api=[FAIL]).instead_of_real_ones(monkeypatch)
    closing = marked(mark.BAD)
    assert closing.verdict is Verdict.MARKED
    assert '"healthy": false' in host.started[0].script
    assert set(routes.asked.values()) == {1}, "one look for the record"
    assert sealed(tmp_path)


def test_a_lock_that_is_held_refuses_and_the_record_is_sealed(
    marked: Marking, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Routes().instead_of_real_ones(monkeypatch)
    closing = marked(holder=Owner("3f2a9c", "code", "someone@there", "", "2026-01-02T03:04:05+00:00"))
    assert (closing.verdict, closing.verdict.status) == (Verdict.REFUSED, 3)
    assert "contabo is held by someone@there" in closing.reason
    assert host.started == []
    assert sealed(tmp_path)


def test_where_the_connection_is_lost_it_is_not_known_and_a_mark_is_run_again(
    marked: Marking, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Routes().instead_of_real_ones(monkeypatch)
    host.ends["remember"] = LinkLost("the connection was lost")
    closing = marked()
    assert (closing.verdict, closing.verdict.status) == (Verdict.UNKNOWN, 6)
    assert closing.reason == "the connection was lost; a step may still be running on contabo: run it again"
    assert closing.next_actions == ()
    assert "mark" in resume._NEVER_RESUMED
    assert sealed(tmp_path)


def test_a_job_that_fails_enters_nothing_and_is_said(marked: Marking, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    Routes().instead_of_real_ones(monkeypatch)
    host.failing = "docker tag"
    closing = marked()
    assert closing.verdict is Verdict.REFUSED
    assert "step remember failed on contabo" in closing.reason
    assert "rm -f" in host.ran[-1], "the copies that it kept are removed"
