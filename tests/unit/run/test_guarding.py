"""A guard as a run: it watches, then marks or rolls back, and its record says what happened however it ends."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rollback_lib.errors import ParameterError, Refused
from rollback_lib.host.lock import Owner
from rollback_lib.procedures import guard
from rollback_lib.procedures.guard import RolledBack, WayBack
from rollback_lib.record.audit import verify
from rollback_lib.record.folder import Folder
from rollback_lib.record.verdict import Verdict
from rollback_lib.run import guarding, resume
from rollback_lib.run.guarding import Guarded
from rollback_lib.run.notify import Notifier
from rollback_lib.run.sealing import Seal
from rollback_lib.run.stages import Closing
from rollback_lib.stack.model import Notify
from tests.builders.containers import container
from tests.builders.looks import Looks
from tests.builders.routes import FAIL, PASS, Routes
from tests.builders.runs import Host, Person, finding, opening, run
from tests.builders.stack import with_health
from tests.unit.procedures.test_mark import state

STACK = with_health(passes=2, every=0.01, deadline=0.5)
UP = [container(), container("worker")]
WAY = WayBack("code", "the last good release is 7777777")


class Rollback:
    """Stands for the runner of the rollback: it ends as the test says."""

    def __init__(self) -> None:
        self.asked: list[WayBack] = []
        self.ends: Verdict | BaseException = Verdict.SUCCEEDED

    def __call__(self, way: WayBack) -> RolledBack:
        self.asked.append(way)
        if isinstance(self.ends, BaseException):
            raise self.ends
        return RolledBack("3f2a9c", self.ends, "the reason", Path("/incidents/x"), "0123456789ab")


@pytest.fixture
def rollback() -> Rollback:
    return Rollback()


@pytest.fixture
def guarded(
    tmp_path: Path, host: Host, person: Person, rollback: Rollback, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Closing]:  # fmt: skip
    """A guard for a second, on a host that only notes what it is told to run, with the containers that the looks return."""
    monkeypatch.setattr("rollback_lib.run.sealing.atexit.register", lambda _: None)
    monkeypatch.setattr("rollback_lib.run.holding.EVERY", 0.01)
    monkeypatch.setattr("rollback_lib.run.holding.LOOK", 0.05)
    monkeypatch.setattr("rollback_lib.health.hold.PATIENCE", 0.15)
    monkeypatch.setattr("rollback_lib.procedures.guard.way_back", lambda *_: WAY)

    def call(*looks: Any, apply: bool = True, **changes: object) -> Closing:
        incident = Guarded(run(opening(Folder.create("guard", tmp_path), procedure="guard"), host, person, STACK))
        finding(incident, document=Looks(state(stack=STACK, **changes)))
        incident._run.seal = Seal(incident._run.folder, tmp_path)
        monkeypatch.setattr(Guarded, "open", lambda *_, **__: incident)
        monkeypatch.setattr("rollback_lib.run.holding._containers", Looks(*looks or [UP]))
        return guarding.run("shop", person, hold="1s", apply=apply, roll_back=rollback, watch=lambda _: nullcontext())

    return call


def _writing(file: Path) -> Notify:
    """Somebody who notes every notice in a file."""
    return Notify(command=["sh", "-c", f"cat >>{file}; echo >>{file}"])


def events(closing: Closing, kind: str) -> list[dict]:
    return [event for event in Folder(closing.folder).events() if event["event"] == kind]


def whole(closing: Closing, root: Path) -> bool:
    """Whether the record is sealed, and the lock was not held before the mark."""
    found = verify(root)
    before = [event["event"] for event in Folder(closing.folder).events()]
    held = before[: before.index("step-begin")] if "step-begin" in before else before
    return (found.sealed, found.open, found.findings) == (1, 0, ()) and held.count("lock") <= 1


def test_what_holds_is_marked_by_one_job(guarded: Callable, host: Host, rollback: Rollback, tmp_path: Path, monkeypatch: Any) -> None:
    Routes().instead_of_real_ones(monkeypatch)
    closing = guarded()
    assert (closing.verdict, closing.verdict.status) == (Verdict.MARKED, 0)
    assert closing.reason.startswith("every route held for 1s; agents-api ")
    assert [job.name for job in host.started] == ["remember"]
    assert rollback.asked == []
    assert closing.seconds >= 1.0
    assert whole(closing, tmp_path)


def test_a_flake_and_a_single_restart_are_noted_and_no_outage(guarded: Callable, tmp_path: Path, monkeypatch: Any) -> None:
    Routes(agents_api=[PASS] * 10 + [FAIL] + [PASS]).instead_of_real_ones(monkeypatch)
    closing = guarded(UP, [UP[0], replace(UP[1], restarts=1)])
    assert closing.verdict is Verdict.MARKED
    assert [event["times"] for event in events(closing, "restarted")] == [1]
    assert whole(closing, tmp_path)


@pytest.mark.parametrize("answers", [[PASS] * 10 + [FAIL], [PASS] * 10 + [PASS, FAIL] * 400], ids=["down", "every second probe"])
def test_a_route_that_does_not_hold_is_rolled_back(
    guarded: Callable, host: Host, rollback: Rollback, answers: list[bool], tmp_path: Path, monkeypatch: Any
) -> None:
    Routes(agents_api=answers).instead_of_real_ones(monkeypatch)
    closing = guarded()
    assert (closing.verdict, closing.verdict.status) == (Verdict.ROLLED_BACK, 4)
    assert (
        "contabo: route agents-api was not healthy for 0 s (500: out of order); rolled back by the code rollback 3f2a9c" in closing.reason
    )
    assert host.started == [], "nothing is marked, and the guard itself changes nothing"
    (way,) = rollback.asked
    assert replace(way, reason="") == WAY
    assert way.reason.startswith(f"guard {Folder(closing.folder).id}: route agents-api was not healthy")
    assert Folder(closing.folder).record()["found"]["failing"] == [{"route": "agents-api", "status": 500, "said": "out of order"}]
    assert whole(closing, tmp_path)


def test_what_never_becomes_healthy_does_not_hold(guarded: Callable, rollback: Rollback, monkeypatch: Any) -> None:
    monkeypatch.setattr("rollback_lib.run.incident.PATIENCE", 0.1)
    Routes(ruben_api=[FAIL]).instead_of_real_ones(monkeypatch)
    closing = guarded()
    assert closing.verdict is Verdict.ROLLED_BACK
    assert "route ruben-api did not pass 2 probes in a row in 0.5 s (500: out of order)" in closing.reason
    assert events(closing, "holding") == []


@pytest.mark.parametrize(
    "change", [{"restarts": 2}, {"state": "exited", "exit": 3}, {"health": "unhealthy"}], ids=["loop", "ended", "health check"]
)
def test_a_container_without_a_route_has_to_hold_as_well(guarded: Callable, rollback: Rollback, change: dict, monkeypatch: Any) -> None:
    Routes().instead_of_real_ones(monkeypatch)
    closing = guarded(UP, [UP[0], replace(UP[1], **change)])
    assert closing.verdict is Verdict.ROLLED_BACK
    assert "docker-worker-1" in closing.reason
    assert len(rollback.asked) == 1


def test_what_a_person_restarts_by_hand_is_down_for_one_look_only(guarded: Callable, monkeypatch: Any) -> None:
    Routes().instead_of_real_ones(monkeypatch)
    assert guarded(UP, [UP[0], replace(UP[1], state="exited", exit=143)], UP).verdict is Verdict.MARKED


def test_a_healthy_deploy_in_the_midst_is_neither_marked_nor_rolled_back(
    guarded: Callable, host: Host, rollback: Rollback, tmp_path: Path, monkeypatch: Any
) -> None:
    """Its routes may fail while it starts, longer than those of a release that runs."""
    Routes(agents_api=[PASS] * 20 + [FAIL] * 25 + [PASS]).instead_of_real_ones(monkeypatch)
    closing = guarded(UP, [replace(UP[0], id="new"), UP[1]])
    assert (closing.verdict, closing.verdict.status) == (Verdict.REFUSED, 3)
    assert closing.reason.startswith(
        "agents-api was replaced on contabo while it was watched, as by another deploy; what runs now is healthy"
    )
    assert (host.started, rollback.asked) == ([], [])
    assert whole(closing, tmp_path)


def test_a_bad_deploy_in_the_midst_is_rolled_back(guarded: Callable, rollback: Rollback, monkeypatch: Any) -> None:
    Routes(agents_api=[PASS] * 20 + [FAIL]).instead_of_real_ones(monkeypatch)
    closing = guarded(UP, [replace(UP[0], id="new"), UP[1]])
    assert closing.verdict is Verdict.ROLLED_BACK
    assert len(rollback.asked) == 1


def test_a_host_that_does_not_answer_for_a_while_changes_nothing(guarded: Callable, monkeypatch: Any) -> None:
    Routes().instead_of_real_ones(monkeypatch)
    assert guarded(UP, Refused("no answer"), UP).verdict is Verdict.MARKED


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        (Verdict.PLANNED, Verdict.NOT_HELD),
        (Verdict.REFUSED, Verdict.NOT_HELD),
        (Verdict.PARTLY, Verdict.PARTLY),
        (Verdict.UNKNOWN, Verdict.UNKNOWN),
        (ParameterError("the stack has no section"), Verdict.NOT_HELD),
        (KeyboardInterrupt(), Verdict.NOT_HELD),
    ],
    ids=str,
)
def test_however_the_rollback_ends_the_record_says_it(
    guarded: Callable, rollback: Rollback, ends: Any, verdict: Verdict, tmp_path: Path, monkeypatch: Any
) -> None:
    Routes(agents_api=[PASS] * 10 + [FAIL]).instead_of_real_ones(monkeypatch)
    rollback.ends = ends
    closing = guarded()
    assert closing.verdict is verdict
    assert closing.next_actions
    assert whole(closing, tmp_path)


def test_people_are_told_at_once_and_at_the_end(guarded: Callable, rollback: Rollback, tmp_path: Path, monkeypatch: Any) -> None:
    Routes(agents_api=[PASS] * 10 + [FAIL]).instead_of_real_ones(monkeypatch)
    file, rollback.ends = tmp_path / "notices", Verdict.PLANNED
    monkeypatch.setattr(
        "rollback_lib.run.run.Notifier", lambda _, *more: Notifier([_writing(file)], *more)
    )  # fmt: skip
    guarded(apply=False)
    first, last = file.read_text().splitlines()
    assert '"kind": "lapse"' in first
    assert "✘ guard of dyniq-voice on contabo, " in first
    assert ": did not hold, route agents-api was not healthy" in first
    assert '"kind": "not-held"' in last
    assert "the code rollback 3f2a9c is planned and not applied" in last


def test_a_secret_in_what_a_route_answers_goes_nowhere_not_even_in_part(
    guarded: Callable, rollback: Rollback, tmp_path: Path, monkeypatch: Any
) -> None:
    """Also where its beginning is the end of what is shown of an answer. The reason is a parameter of the rollback's notebook."""
    routes = Routes(agents_api=[PASS] * 10 + [FAIL]).instead_of_real_ones(monkeypatch)
    secret = "swordfish-and-other-fish"
    routes.said = "x" * 190 + secret
    event = Folder.event

    def protecting(folder: Folder, kind: str, **data: Any) -> None:
        if kind == "holding":
            folder.redactor.protect([secret], declared=True)
        event(folder, kind, **data)

    monkeypatch.setattr(Folder, "event", protecting)
    closing = guarded()
    assert closing.verdict is Verdict.ROLLED_BACK
    told = [rollback.asked[0].reason, closing.reason, *(file.read_text() for file in closing.folder.iterdir())]
    assert [text for text in told if "swordfish" in text] == []


def test_nobody_is_told_of_what_holds(guarded: Callable, tmp_path: Path, monkeypatch: Any) -> None:
    Routes().instead_of_real_ones(monkeypatch)
    file = tmp_path / "notices"
    monkeypatch.setattr("rollback_lib.run.run.Notifier", lambda _, *more: Notifier([_writing(file)], *more))
    guarded()
    assert not file.exists()


def test_what_is_stopped_in_the_watch_has_changed_nothing(
    guarded: Callable, host: Host, rollback: Rollback, tmp_path: Path, monkeypatch: Any
) -> None:
    Routes().instead_of_real_ones(monkeypatch)
    monkeypatch.setattr("rollback_lib.run.holding._Observation.lapse", Looks(None, KeyboardInterrupt()))
    closing = guarded()
    assert (closing.verdict, closing.verdict.status, closing.reason) == (Verdict.ABORTED, 3, "stopped by who ran it")
    assert (host.started, rollback.asked, events(closing, "lock")) == ([], [], [])
    assert whole(closing, tmp_path)
    assert guard.NAME in resume._NEVER_RESUMED


def test_what_held_is_not_marked_while_another_run_holds_the_lock(guarded: Callable, host: Host, monkeypatch: Any) -> None:
    Routes().instead_of_real_ones(monkeypatch)
    closing = guarded(holder=Owner("3f2a9c", "code", "someone@there", "", "2026-01-02T03:04:05+00:00"))
    assert (closing.verdict, closing.verdict.status) == (Verdict.REFUSED, 3)
    assert closing.reason.startswith("contabo is held by someone@there")
    assert events(closing, "holding"), "it was watched all the same"
    assert host.started == []
