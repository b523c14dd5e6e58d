"""Telling people, and the checklist, without a host."""

import threading
from pathlib import Path

import pytest

from rollback_lib.errors import ParameterError
from rollback_lib.plan.plan import Plan, Rationale
from rollback_lib.record.folder import Folder
from rollback_lib.record.state import RunState
from rollback_lib.run import notify
from rollback_lib.run.checklist import checked, checklist
from rollback_lib.run.notify import Notifier
from rollback_lib.stack.model import Notify, Stack
from tests.builders.plans import plan
from tests.builders.stack import STACK


def herald(folder: Folder, *commands: list[str]) -> tuple[Notifier, list[str]]:
    lines: list[str] = []
    return Notifier([Notify(command=one) for one in commands], folder, lambda _: None, lines.append), lines


def told(folder: Folder) -> list[tuple[str, str]]:
    return [(event["word"], event["error"]) for event in folder.events() if event["event"] == "told"]


def test_what_is_late_is_noted_before_the_record_is_sealed_and_never_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder.create("code", tmp_path)
    go_on = threading.Event()

    def slow(*_: object) -> str:
        go_on.wait(30)
        return ""

    monkeypatch.setattr(notify, "_run", slow)
    monkeypatch.setattr(notify, "DEADLINE", 0.05)
    monkeypatch.setattr(notify, "HEADROOM", 0.0)
    crier, lines = herald(folder, ["page-me"])
    crier.tell("start", "it begins", "aaaaaa")
    (thread,) = [thread for thread, _, _ in crier._waiting]
    crier.wait()
    assert told(folder) == [("start", "no answer in time")]
    assert "page-me could not be notified (no answer in time); the run continues" in lines[0]
    go_on.set()
    thread.join(10)
    assert told(folder) == [("start", "no answer in time")]


def test_a_command_that_fails_or_is_not_there_is_noted(tmp_path: Path) -> None:
    folder = Folder.create("code", tmp_path)
    crier, _ = herald(folder, ["false"], ["/no/such/program"], ["sh", "-c", f"cat >{tmp_path}/heard"])
    crier.tell("start", "it begins", "aaaaaa")
    crier.tell("start", "it begins", "aaaaaa")  # once is enough
    crier.wait()
    assert sorted(told(folder)) == [("start", ""), ("start", "FileNotFoundError"), ("start", "exit status 1")]
    assert (tmp_path / "heard").read_text() == '{"kind": "start", "incident": "aaaaaa", "text": "it begins"}'


def test_a_run_that_is_gone_on_with_knows_that_people_were_told() -> None:
    assert RunState.of([{"event": "told", "word": "start"}]).told == "start"
    assert RunState.of([]).told == ""


def resting(**on: object) -> Plan:
    return plan(rationale=Rationale(**on))


def points(stack: Stack, made: Plan, vouched: tuple[str, ...] = ()) -> dict[str, tuple[bool, bool]]:
    found = checklist(stack, made, "the facts", vouched, "me", "it begins", notify.unset(stack.notify))
    return {one.name: (one.answered, one.required) for one in found.points}


def test_each_point_is_answered_by_what_is_known() -> None:
    known = resting(change="a commit", target="healthy", stable=True)
    assert points(STACK, known) == {"state": (True, True), "change": (True, False), "target": (True, False), "people": (False, False)}
    assert points(STACK, resting()) == {"state": (True, True), "change": (False, False), "target": (False, False), "people": (False, False)}


def test_a_target_that_was_found_bad_is_required_and_a_person_can_vouch_for_it() -> None:
    assert points(STACK, resting(stable=False))["target"] == (False, True)
    assert points(STACK, resting(stable=False), ("target",))["target"] == (True, True)


def test_people_are_told_only_where_an_address_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAT", raising=False)
    stack = STACK.model_copy(update={"notify": [Notify(webhook="env:CHAT")], "required": ["people"]})
    assert points(stack, resting())["people"] == (False, True)
    monkeypatch.setenv("CHAT", "https://chat.example/x")
    assert points(stack, resting())["people"] == (True, True)


@pytest.mark.parametrize("text", ["state", "all", "change;target", 3])
def test_only_what_a_person_can_know_is_vouched_for(text: object) -> None:
    with pytest.raises(ParameterError, match="checked: names of change, target, people"):
        checked(text)


@pytest.mark.parametrize(
    "notify",
    [{}, {"webhook": "https://hooks.example/secret"}, {"webhook": "env:A", "command": ["x"]}, {"command": []}, {"command": "mail ops"}],
    ids=str,
)
def test_an_address_in_the_open_is_no_reference(notify: dict) -> None:
    content = STACK.model_dump(exclude_unset=True) | {"notify": [notify]}
    with pytest.raises(ParameterError, match="notify"):
        Stack.load(content)
