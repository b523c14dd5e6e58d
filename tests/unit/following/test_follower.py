"""Following from the first look to the end, with a stack's folder on this machine instead of a host."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from rollback_lib.errors import LinkLost, Refused
from rollback_lib.following import follower as module
from rollback_lib.following.events import Event
from rollback_lib.following.follower import Follower
from rollback_lib.following.hidden import Hidden
from rollback_lib.host.connection import Result
from rollback_lib.host.ending import Ending
from rollback_lib.host.lock import Owner
from rollback_lib.host.round import Script
from tests.builders.followed import OWNER, There
from tests.builders.stack import bare
from tests.builders.stories import PLAN


class Here:
    """A link to this machine."""

    alias = "contabo"

    def __init__(self) -> None:
        self.running: subprocess.Popen[bytes] | None = None
        self.lost = threading.Event()

    def run_all(self, scripts: Sequence[Script]) -> list[Result]:
        return [self._run(one) for one in scripts]

    def _run(self, one: Script) -> Result:
        done = subprocess.run(["sh", "-c", one.text], capture_output=True, text=True, check=False)
        return Result(Ending.exited(done.returncode), done.stdout, done.stderr, 0, 0.0)

    def stream(self, script: Callable[[], str], on_output: Callable[[bytes], None], *, deadline: float) -> Result:
        self.running = subprocess.Popen(["sh", "-c", script()], stdout=subprocess.PIPE, start_new_session=True)
        assert self.running.stdout
        while chunk := self.running.stdout.read1():
            on_output(chunk)
        if self.lost.is_set():
            raise LinkLost("the connection to contabo is lost, for 90 s now")
        return Result(Ending.exited(self.running.wait()), "", "", 0, 0.0)

    def close(self) -> None:
        if self.running and self.running.poll() is None:
            os.killpg(self.running.pid, signal.SIGKILL)


class Unwatched:
    """Routes that nobody probes."""

    def __init__(self, *_: object) -> None: ...

    def start(self) -> "Unwatched":
        return self

    def stop(self) -> None: ...


@pytest.fixture
def there(tmp_path: Path) -> There:
    return There(tmp_path / "state")


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> Here:
    link = Here()
    monkeypatch.setattr(module.Link, "to", lambda *_: link)
    monkeypatch.setattr(module, "Watch", Unwatched)
    monkeypatch.setattr(Hidden, "_learn", lambda *_: None)
    return link


@pytest.fixture
def follower(there: There, link: Here) -> Iterator[Follower]:
    made = Follower(bare(state_directory=str(there.state)))
    yield made
    made.close()


def until(events: Iterator[Event], kind: str) -> Event:
    """The next event of that kind."""
    return next(one for one in events if one["event"] == kind)


def test_nothing_that_goes_on_is_told_and_the_end(follower: Follower) -> None:
    assert [(one["event"], one["cut_off"]) for one in follower.events()] == [("free", None)]


def test_a_run_is_awaited_and_followed_to_its_end(there: There, follower: Follower) -> None:
    events = follower.events(wait=True)
    assert next(events)["waiting"] is True
    there.hold()
    (there.state / "jobs" / OWNER.incident / "plan.json").write_text(PLAN.json())
    there.begin("keep")
    opened = next(events)
    assert (opened["event"], opened["who"], opened["stack"]) == ("open", "me@laptop", "shop")
    assert until(events, "plan")["hash"] == PLAN.hash
    assert until(events, "step-begin")["step"] == "keep"
    there.say("keep", b"kept\n")
    assert until(events, "output")["line"] == "kept"
    there.end("keep")
    there.release('{"verdict": "failed-restored", "status": 4, "reason": "undone"}')
    rest = list(events)
    assert [one["event"] for one in rest] == ["step-end", "ended"]
    assert (rest[-1]["status"], rest[-1]["reason"]) == (4, "undone")


def test_after_a_take_over_the_other_run_is_followed(there: There, follower: Follower) -> None:
    there.hold()
    events = follower.events()
    assert next(events)["incident"] == OWNER.incident
    there.hold(Owner("aaaaaa", "env", "you@desk", "", OWNER.since))
    assert until(events, "ended")["how"] == "replaced"
    assert next(events)["who"] == "you@desk"
    (there.state / "lock" / "holder").unlink()
    assert list(events)[-1]["how"] == "released"


def test_a_lease_that_ended_is_nobodys(there: There, follower: Follower) -> None:
    there.hold(seconds=-1)
    (free,) = follower.events()
    assert free["cut_off"] == {"incident": OWNER.incident, "who": "me@laptop", "procedure": "code"}


def test_a_host_that_is_out_of_reach_ends_it(there: There, follower: Follower, link: Here) -> None:
    there.hold()
    events = follower.events()
    next(events)
    link.lost.set()
    link.close()
    with pytest.raises(LinkLost, match="for 90 s now"):
        list(events)


@pytest.mark.parametrize("holder", ["a\nb\nc\n", "a\n5\n{\n", "a\n5\n[]\n", "a b c d\n5\n{}\n"])
def test_a_lock_of_another_shape_is_told(there: There, follower: Follower, holder: str) -> None:
    there.hold()
    (there.state / "lock" / "holder").write_text(holder)
    with pytest.raises(Refused, match="contabo says of its runs what cannot be understood"):
        list(follower.events())


def test_a_folder_that_may_not_be_read_is_refused(there: There, link: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = Result(Ending.exited(1), "", "deploy may not read /var/lib/rollback/shop\n", 0, 0.0)
    run: Any = link._run
    monkeypatch.setattr(link, "_run", lambda one: closed if "seen()" in one.text else run(one))
    with pytest.raises(Refused, match="deploy may not read /var/lib/rollback/shop"):
        Follower(bare(state_directory=str(there.state)))
