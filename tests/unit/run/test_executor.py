"""A step as a job on the host: what it runs, and what follows from each way in which it can end."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from rollback_lib.commands.command import Command, script
from rollback_lib.errors import GuardFailed, LinkLost, LockLost, NeverStarts, NotStarted
from rollback_lib.host import lock
from rollback_lib.host.connection import Result
from rollback_lib.host.ending import Ending, Kind
from rollback_lib.host.jobs import Job
from rollback_lib.host.lock import Owner
from rollback_lib.plan.step import Changes
from rollback_lib.record.folder import Folder
from rollback_lib.record.state import RunState
from rollback_lib.run.executor import Executor
from rollback_lib.run.stack_lock import StackLock
from rollback_lib.secrets.redactor import HIDDEN
from rollback_lib.secrets.secret import Key, Secret
from tests.builders.plans import changing, echo, step
from tests.builders.runs import Host, Person, ended
from tests.builders.stack import HOST, STATE

PLAN = "0123456789ab"
FIRST, SECOND = "\x1e0\n", "\x1e1\n"  # the marks with which the commands of a script begin
ENDED = Ending(Kind.SIGNAL, 15)


@dataclass(frozen=True)
class Workshop:
    """An executor and the objects that it works with."""

    folder: Folder
    host: Host
    person: Person
    lock: StackLock
    executor: Executor

    @property
    def events(self) -> list[dict]:
        return self.folder.events()

    @property
    def kinds(self) -> list[str]:
        return [event["event"] for event in self.events]

    @property
    def state(self) -> RunState:
        """The state of the run. It is the same as read from the record."""
        assert RunState.of(self.events) == self.folder.state
        return self.folder.state


@pytest.fixture
def shop(tmp_path: Path, host: Host, person: Person) -> Workshop:
    folder = Folder.create("code", tmp_path)
    held = StackLock(host, Key(), STATE, Owner.now(folder.id, "code", "me", ""), folder, person)
    return Workshop(folder, host, person, held, Executor(host, STATE, held, folder, person))


def test_a_step_is_one_job_with_its_guards_first(shop: Workshop) -> None:
    armed, look = echo("armed"), echo("look")
    put = changing("put", echo("one"), echo("two"), guards=(look,), deadline=7.0, send=Secret("values"))
    assert shop.executor.run(put, PLAN, (armed,)).status == 0
    (job,) = shop.host.started
    assert (job.state, job.incident, job.name, job.deadline) == (STATE, shop.folder.id, "put", 7.0)
    assert job.send == Secret("values")
    assert job.script == "exec 2>&1\n" + script((armed, look, echo("one"), echo("two")), marked=True)


def test_the_record_has_what_a_step_is_before_the_host_is_told_to_run_it(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    def looked(job: Job, lease: int, on_output: object) -> Result:
        seen.extend(shop.events)
        assert lease == lock.LEASE
        return ended(Ending.exited(0))

    seen: list[dict] = []
    monkeypatch.setattr(shop.host, "run_job", looked)
    shop.executor.run(changing("put", guards=(echo("look"),)), PLAN, (echo("armed"),))
    (begin,) = seen
    assert (begin["event"], begin["step"], begin["job"], begin["plan"]) == ("step-begin", "put", "put", PLAN)
    assert (begin["touches"], begin["loses"], begin["trial"]) == (True, False, False)
    assert begin["commands"] == ["echo armed", "echo look", "echo put"]


# How a job ended → whether its step is done, the name of the job of the next attempt, and the ending in words.
ENDS = [
    (Ending.exited(0), True, "put", "exit status 0"),
    (Ending.exited(1), False, "put.2", "exit status 1"),
    (Ending.exited(137), False, "put.2", "exit status 137, perhaps of a command that was killed (SIGKILL), as when memory runs out"),
    (Ending(Kind.DEADLINE, 120), False, "put.2", "cut off at its deadline of 120 s"),
    (Ending(Kind.SIGNAL, 9), False, "put.2", "killed (SIGKILL), as when memory runs out"),
    (Ending(Kind.SIGNAL, 15), False, "put.2", "ended by SIGTERM"),
    (Ending(Kind.LOST), False, "put.2", "killed with the shell that watched it; how it ended is not known"),
]


@pytest.mark.parametrize(("ending", "done", "following", "words"), ENDS, ids=lambda one: one.words if isinstance(one, Ending) else "")
def test_an_end_that_was_heard_is_in_the_record_and_in_the_state(
    shop: Workshop, ending: Ending, done: bool, following: str, words: str
) -> None:
    shop.host.ends["put"], shop.host.output["put"] = ending, f"{FIRST}said\n".encode()
    result = shop.executor.run(changing("put"), PLAN)
    assert (result.ending, result.ending.words, result.out) == (ending, words, "said\n")
    assert shop.kinds == ["step-begin", "step-end"]
    end = shop.events[-1]
    assert end["ending"] == {"kind": ending.kind.value, "number": ending.number}
    assert (end["seconds"], end["begun"], end["of"], end["last_lines"]) == (1.5, 1, 1, ["said"])
    assert shop.state.begun == {"put": ending}
    assert (shop.state.done, shop.state.touched) == ({(PLAN, "put")} if done else set(), True)
    assert (shop.state.unheard, shop.state.job("put")) == ((), following)


def test_a_trial_that_fails_is_done(shop: Workshop) -> None:
    shop.host.ends["try"] = Ending.exited(1)
    shop.executor.run(step("try", changes=Changes.TRIAL), PLAN)
    assert shop.state.done == {(PLAN, "try")}


# What came in the way → the event, if any, after that of the beginning; whether the job may be running; the name of the next one's.
WAYS = [
    (LinkLost("the connection is lost"), None, True),
    (LockLost("somebody took it over"), None, True),
    (KeyboardInterrupt(), None, True),
    (NotStarted("the disk is full"), "step-not-started", False),
]


@pytest.mark.parametrize(("error", "event", "unheard"), WAYS, ids=lambda one: type(one).__name__)
def test_a_job_whose_end_was_not_heard_may_be_running(shop: Workshop, error: BaseException, event: str | None, unheard: bool) -> None:
    shop.host.ends["put"] = error
    with pytest.raises(type(error)):
        shop.executor.run(changing("put"), PLAN)
    assert shop.kinds == ["step-begin", *([event] if event else [])]
    assert [one.job for one in shop.state.unheard] == (["put"] if unheard else [])
    assert (shop.state.touched, shop.state.done, shop.state.job("put")) == (unheard, set(), "put")
    assert not (shop.folder.path / "output").exists()
    # It is the same job to which another attempt attaches, and the step is done once that has ended well.
    del shop.host.ends["put"]
    shop.executor.run(changing("put"), PLAN)
    assert [job.name for job in shop.host.started] == ["put", "put"]
    assert (shop.state.unheard, shop.state.done) == ((), {(PLAN, "put")})


def test_a_job_that_was_told_to_end_before_it_began_is_followed_by_one_of_another_name(shop: Workshop) -> None:
    shop.host.ends["put"] = NeverStarts("it was told to end before it had begun")
    with pytest.raises(NeverStarts):
        shop.executor.run(changing("put"), PLAN)
    assert (shop.kinds, shop.state.touched, shop.state.job("put")) == (["step-begin", "step-not-started"], False, "put.2")


def test_who_has_lost_the_lock_does_not_take_it_again(shop: Workshop) -> None:
    shop.host.ends["put"] = LockLost("somebody took it over")
    with pytest.raises(LockLost):
        shop.executor.run(changing("put"), PLAN)
    with pytest.raises(LockLost, match="lost the lock of the stack to another run"):
        shop.lock.take(take_over=True)
    assert "lock" not in shop.kinds


@pytest.mark.parametrize("ending", [Ending.exited(1), Ending(Kind.DEADLINE, 120), Ending(Kind.SIGNAL, 9)], ids=lambda one: one.words)
@pytest.mark.parametrize(("armed", "said", "why"), [
    ((), f"{FIRST}somebody wrote to it\n", "somebody wrote to it"),
    ((echo("armed"),), f"{FIRST}the host undoes this run\n", "the host undoes this run"),
    ((echo("armed"),), f"{FIRST}{SECOND}", "it said nothing"),
])  # fmt: skip
def test_a_guard_that_says_no_leaves_a_step_not_begun(
    shop: Workshop, ending: Ending, armed: tuple[Command, ...], said: str, why: str
) -> None:
    shop.host.ends["put"], shop.host.output["put"] = ending, said.encode()
    with pytest.raises(GuardFailed, match=f"step put was not started on {HOST}: {why}"):
        shop.executor.run(changing("put", guards=(echo("look"),)), PLAN, armed)
    assert shop.kinds == ["step-begin", "step-not-started"]
    assert (shop.events[-1]["spent"], shop.events[-1]["error"]) == (True, why)
    assert (shop.state.begun, shop.state.touched, shop.state.unheard) == ({}, False, ())
    assert shop.state.job("put") == "put.2"
    assert (shop.folder.path / "output" / "put.txt").read_text() == (f"{why}\n" if why in said else "")


@pytest.mark.parametrize(("said", "begun"), [("", 0), (f"{FIRST}{SECOND}", 2)])
def test_a_step_that_has_begun_or_of_which_nothing_was_heard_has_failed(shop: Workshop, said: str, begun: int) -> None:
    shop.host.ends["put"], shop.host.output["put"] = Ending(Kind.LOST), said.encode()
    assert shop.executor.run(changing("put", guards=(echo("look"),)), PLAN).ending == Ending(Kind.LOST)
    assert (shop.kinds[-1], shop.events[-1]["begun"], shop.state.touched) == ("step-end", begun, True)


def test_what_a_step_says_is_free_of_secrets_wherever_it_is_kept(shop: Workshop) -> None:
    shop.folder.redactor.protect(["hunter2-hunter2"])
    shop.host.output["build"] = f"{FIRST}password hunter2-hunter2\n".encode()
    result = shop.executor.run(step("build"), PLAN)
    assert result.out == f"password {HIDDEN}\n"
    assert (shop.folder.path / "output" / "build.txt").read_text() == result.out
    assert shop.events[-1]["last_lines"] == [f"password {HIDDEN}"]
    assert shop.person.lines == ["$ echo build", f"  password {HIDDEN}"]


def test_a_new_attempt_keeps_what_the_one_before_said(shop: Workshop) -> None:
    shop.host.ends["build"], shop.host.output["build"] = Ending.exited(1), b"first\n"
    shop.executor.run(step("build"), PLAN)
    shop.host.output["build.2"] = b"second\n"
    shop.executor.run(step("build"), PLAN)
    kept = {file.name: file.read_text() for file in (shop.folder.path / "output").iterdir()}
    assert kept == {"build.txt": "first\n", "build.2.txt": "second\n"}


class Running:
    """A host on which a job runs until it is ended."""

    def __init__(self, shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.told = threading.Event(), threading.Event()
        self._host, self._run = shop.host, shop.host.run
        monkeypatch.setattr(shop.host, "run_job", self.run_job)
        monkeypatch.setattr(shop.host, "run", self.run)

    def run_job(self, job: Job, lease: int, on_output: Callable[[bytes], None]) -> Result:
        on_output(FIRST.encode())
        self.begun.set()
        assert self.told.wait(30)
        return ended(ENDED, seconds=3.0)

    def run(self, script: str, **options: object) -> Result:
        result = self._run(script, **options)
        self.told.set()
        return result


def test_a_step_that_is_told_to_stop_fails_and_it_is_known_why(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    running = Running(shop, monkeypatch)
    results: list[Result] = []
    thread = threading.Thread(target=lambda: results.append(shop.executor.run(changing("put"), PLAN)), daemon=True)
    thread.start()
    assert running.begun.wait(30)
    assert shop.executor.cut_short("me")
    thread.join(30)
    assert shop.host.ran == [Job(STATE, shop.folder.id, "put", "", 0).end()]
    assert [one.ending for one in results] == [ENDED]
    assert shop.kinds == ["step-begin", "step-cut-short", "step-end"]
    assert (shop.events[1]["job"], shop.events[1]["by"]) == ("put", "me")
    assert (shop.state.cut_short("put"), shop.state.begun["put"], shop.state.job("put")) == (True, ENDED, "put.2")


@pytest.mark.parametrize("before", [None, Ending.exited(0), LinkLost("the connection is lost"), KeyboardInterrupt()])
def test_where_no_step_runs_there_is_none_to_stop(shop: Workshop, before: Ending | BaseException | None) -> None:
    if before is not None:
        shop.host.ends["put"] = before
        with suppress(LinkLost, KeyboardInterrupt):
            shop.executor.run(changing("put"), PLAN)
    ran = list(shop.host.ran)
    assert not shop.executor.cut_short("me")
    assert (shop.host.ran, "step-cut-short" in shop.kinds) == (ran, False)


@pytest.mark.parametrize("known", [True, False])
def test_a_job_that_was_not_waited_for_is_ended(shop: Workshop, known: bool) -> None:
    shop.host.ends["put"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        shop.executor.run(changing("put"), PLAN)
    shop.host.failing = "nothing of the kind" if known else ".ended"
    assert shop.executor.end(changing("put")) is known
    assert shop.host.ran == [Job(STATE, shop.folder.id, "put", "", 0).end()]
    assert (shop.events[-1]["event"], shop.events[-1]["job"], shop.events[-1]["known"]) == ("step-ended", "put", known)
    assert [one.job for one in shop.state.unheard] == ([] if known else ["put"])
    assert shop.state.begun == {"put": ENDED if known else None}
    assert shop.state.job("put") == ("put.2" if known else "put")


def test_where_the_way_to_the_host_is_lost_nobody_knows_whether_a_job_was_ended(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object, **__: object) -> Result:
        raise LinkLost("the connection is lost")

    shop.host.ends["put"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        shop.executor.run(changing("put"), PLAN)
    monkeypatch.setattr(shop.host, "run", lost)
    assert not shop.executor.end(changing("put"))
    assert shop.kinds == ["step-begin"]
    assert [one.job for one in shop.state.unheard] == ["put"]


@pytest.mark.parametrize("ending", [None, Ending.exited(0), Ending.exited(1)])
def test_a_job_that_never_began_or_has_ended_is_not_ended_again(shop: Workshop, ending: Ending | None) -> None:
    if ending:
        shop.host.ends["put"] = ending
        shop.executor.run(changing("put"), PLAN)
    assert not shop.executor.end(changing("put"))
    assert shop.host.ran == []
