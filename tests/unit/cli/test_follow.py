"""`rollback follow`: its exit statuses, and what it prints for a script."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rollback_lib.cli import main
from rollback_lib.errors import LinkLost, Refused
from rollback_lib.following.events import Event, event
from rollback_lib.secrets.redactor import HIDDEN, Redactor
from tests.builders.stack import STACK_FILE

OPEN = event("open", incident="3f2a9c", procedure="code", stack="shop", host="h", who="me", mode="apply", reason="", budget=60.0)
FREE = event("free", stack="shop", host="h", cut_off=None, waiting=False)


def ended(verdict: str, status: int) -> Event:
    return event("ended", incident="3f2a9c", how="released", verdict=verdict, status=status, reason="token=tell-nobody")


class Seen:
    """A follower that sees what a test says."""

    events_: list[Any]
    waits: bool
    closed: bool

    def __init__(self, stack: object) -> None:
        self.redactor = Redactor()
        Seen.closed = False

    def events(self, *, wait: bool) -> Iterator[Event]:
        Seen.waits = wait
        for one in self.events_:
            if isinstance(one, BaseException):
                raise one
            yield one

    def close(self) -> None:
        Seen.closed = True


@pytest.fixture(autouse=True)
def follower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollback_lib.following.follower.Follower", Seen)


@pytest.mark.parametrize(("events", "status"), [
    ([FREE], 0), ([OPEN, ended("succeeded", 0)], 0), ([OPEN, ended("failed-restored", 4)], 4), ([OPEN, ended("unknown", 6)], 6),
    ([OPEN, ended("unknown", 6), OPEN, ended("succeeded", 0)], 0), ([OPEN, KeyboardInterrupt()], 0), ([OPEN, LinkLost("gone")], 6),
    ([Refused("may not")], 3),
])  # fmt: skip
@pytest.mark.parametrize("words", [[], ["--json"]])
def test_it_exits_with_the_status_of_the_run(events: list[Any], status: int, words: list[str]) -> None:
    Seen.events_ = events
    assert main(["follow", "--stack", str(STACK_FILE), *words]) == status
    assert (Seen.closed, Seen.waits) == (True, False)


def test_events_for_a_script_are_a_line_each_and_free_of_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    Seen.events_ = [FREE, OPEN, ended("succeeded", 0)]
    assert main(["follow", "--stack", str(STACK_FILE), "--wait", "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ([one["event"] for one in told], Seen.waits) == (["free", "open", "ended"], True)
    assert told[2]["reason"] == f"token={HIDDEN}"


def test_a_bad_stack_is_refused_before_anything_is_contacted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["follow", "--stack", "no-such-stack"]) == 2
    assert "there is no stack file" in capsys.readouterr().err
