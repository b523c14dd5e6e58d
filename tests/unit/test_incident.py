"""The gate, with a host that only notes what it is told to run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rollback_lib.command import Command
from rollback_lib.errors import NotConfirmed
from rollback_lib.host.connection import Result
from rollback_lib.incident import Incident
from rollback_lib.plan import Plan, Step
from rollback_lib.record.folder import Folder
from rollback_lib.stack import Stack
from rollback_lib.stages import Opening


class Host:
    def __init__(self) -> None:
        self.ran: list[str] = []

    def run(self, script: str, **_: object) -> Result:
        self.ran.append(script)
        return Result(0, "", "", 0, 0.0)


class Person:
    """Presses a button only when the test says so."""

    def __init__(self) -> None:
        self.buttons: list[Callable[[], None]] = []

    def line(self, text: str) -> None: ...

    def show(self, thing: object) -> None: ...

    def gate(self, word: str, said: str, on_confirmed: Callable[[], None]) -> bool:
        self.buttons.append(on_confirmed)
        return True


def plan(target: str) -> Plan:
    step = Step("build", "Build", "why", (Command.of("echo", target),))
    return Plan("code", "i1", "dyniq-voice", "contabo", target, (step,), ())


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def incident(tmp_path: Path, host: Host, person: Person) -> Incident:
    folder = Folder.create("code", tmp_path)
    opening = Opening(folder.id, "code", "dyniq-voice", "contabo", "me", "apply", "stop", "", {}, folder.path, 60.0, ())
    return Incident(Stack.load("production"), opening, folder, host, person, 0.0)


def test_a_plan_is_confirmed_and_its_steps_done_once(incident: Incident, host: Host, person: Person) -> None:
    chosen = plan("aaa")
    incident.confirm(chosen)
    with pytest.raises(NotConfirmed):
        incident.apply(chosen.build)
    assert host.ran == []
    person.buttons[0]()
    incident.apply(chosen.build)
    incident.apply(chosen.build)
    assert len(host.ran) == 1


def test_another_plan_needs_a_confirmation_of_its_own_and_its_steps_are_not_done(incident: Incident, host: Host, person: Person) -> None:
    first, second = plan("aaa"), plan("bbb")
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
