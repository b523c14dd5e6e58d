"""How a command ended, as the host knows it: in words, in the record, and in its report."""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.practice_host import PracticeHost
from rollback_lib.commands.command import Command
from rollback_lib.errors import CommandFailed
from rollback_lib.host import connection
from rollback_lib.host.link import Link
from rollback_lib.host.lock import Owner
from rollback_lib.plan.step import Step
from rollback_lib.record.folder import Folder
from rollback_lib.record.state import RunState
from rollback_lib.report import page, summary
from rollback_lib.run.executor import Executor
from rollback_lib.run.stack_lock import StackLock
from rollback_lib.secrets.secret import Key

KILLED = "killed (SIGKILL), as when memory runs out"
PERHAPS = "exit status 137, perhaps of a command that was killed (SIGKILL), as when memory runs out"
CUT_OFF = "cut off at its deadline of 1 s"
LOST = "killed with the shell that watched it; how it ended is not known"

# What a command does, its deadline in seconds, and how it then ended. `$PPID` is the shell that runs the step's commands.
OF_STEPS = {
    "it fails": ("exit 3", 20, "exit status 3"),
    "it exits with 124": ("exit 124", 20, "exit status 124"),
    "it exits with 137": ("exit 137", 20, PERHAPS),
    "it exits with 255": ("exit 255", 20, "exit status 255"),
    "it is killed": ("setsid kill -9 $$; sleep 60", 20, PERHAPS),
    "its shell is killed": ("setsid kill -9 $PPID", 20, KILLED),
    "its shell is told to end": ("setsid kill $PPID", 20, "ended by SIGTERM"),
    "it takes too long": ("exec sleep 60", 1, CUT_OFF),
    "it ends well when its time is up": ("trap 'exit 0' TERM; sleep 60 & wait", 1, CUT_OFF),
    "it does not end when its time is up": ("trap '' TERM; while :; do sleep 0.1; done", 1, CUT_OFF),
    "its watcher is killed": ("kill -9 $(cat {job}/runner) $PPID", 20, LOST),
}
# The same for a script of its own; `$PPID` is the shell that watches it.
OF_SCRIPTS = {
    "it fails": ("exit 3", 20, "exit status 3"),
    "it exits with 124": ("exit 124", 20, "exit status 124"),
    "it exits with 137": ("exit 137", 20, PERHAPS),
    "it exits with 255": ("exit 255", 20, "exit status 255"),
    "a command of it is killed": ("set -e; sh -c 'setsid kill -9 $$; sleep 60'; exit 5", 20, PERHAPS),
    "it is killed": ("setsid kill -9 $$; sleep 60", 20, KILLED),
    "it is told to end": ("setsid kill $$; sleep 60", 20, "ended by SIGTERM"),
    "it takes too long": ("sleep 60", 1, CUT_OFF),
    "it ends well when its time is up": ("trap 'exit 0' TERM; sleep 60 & wait", 1, CUT_OFF),
    "it does not end when its time is up": ("trap '' TERM; while :; do sleep 0.1; done", 1, CUT_OFF),
    "its watcher is killed": ("kill -9 $PPID", 20, LOST),
}


class Console:
    """Nobody watches."""

    def line(self, text: str) -> None: ...


@pytest.fixture
def link(host: PracticeHost) -> Iterator[Link]:
    link = Link("contabo", host.ssh_config, lambda _: None)
    yield link
    link.close()


@pytest.mark.parametrize("case", OF_STEPS)
def test_a_step_says_how_it_ended_in_record_and_report(link: Link, tmp_path: Path, case: str) -> None:
    state = f"/tmp/state-{secrets.token_hex(4)}"
    folder = Folder.create("code", tmp_path)
    lock = StackLock(link, Key(), state, Owner.now(folder.id, "code", "me@here", "why not"), folder, Console())
    lock.take(take_over=False)
    text, deadline, words = OF_STEPS[case]
    began = time.monotonic()
    command = Command.of("sh", "-c", text.replace("{job}", f"{state}/jobs/{folder.id}/build"))
    Executor(link, state, lock, folder, Console()).run(Step("build", "Build", "why", (command,), deadline=deadline), "x")
    took = time.monotonic() - began
    lock.release()
    # What is known of its end is known to who asks later, too.
    ((found, ending),) = link.jobs(state, folder.id).values()
    assert (found, ending and ending.words) == ("lost" if words == LOST else "ended", words)
    events = folder.events()
    (ran,) = RunState.of(events).ran
    assert ran.words == words
    assert f"step build ends, {words}" in [said for _, said in summary.timeline(events)]
    record = {"verdict": "failed-partly", "reason": "x", "steps": {"build": "failed"}}
    assert f"<td>failed: {words}</td>" in page.html(record, events, folder.path)
    assert (took > connection.GRACE) == (case == "it does not end when its time is up")
    assert link.run(f"flock -ns {state}/jobs/{folder.id}/build/alive true").status == 0


@pytest.mark.parametrize("case", OF_SCRIPTS)
def test_a_script_says_how_it_ended(link: Link, case: str) -> None:
    text, deadline, words = OF_SCRIPTS[case]
    began = time.monotonic()
    result = link.run(f"echo $$; echo last words >&2; {text}", deadline=deadline)
    took = time.monotonic() - began
    assert (result.ending.words, result.err.startswith("last words\n")) == (words, True)
    assert (took > connection.GRACE) == (case == "it does not end when its time is up")
    assert link.run(f"ps -o pid= -g {result.out}").out == ""


def test_a_command_that_must_succeed_says_how_it_did_not(link: Link) -> None:
    with pytest.raises(CommandFailed, match=r"on contabo: exit status 124: no luck$"):
        link._connection.check("echo no luck >&2; exit 124")
    with pytest.raises(CommandFailed, match=rf"on contabo: {CUT_OFF}: it said nothing$"):
        link._connection.check("sleep 60", deadline=1)


def test_what_is_not_heard_to_end_may_run_still(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SLACK", 1)
    # Nobody is left who could tell the time.
    result = link.run(
        "watch=$PPID; clock=$(ps -o ppid= -p $watch); echo $watch $clock; kill -STOP $watch $clock; exec sleep 60", deadline=1
    )
    assert result.ending.words == "no end of it was heard in 2 s; it may be running still"
    assert link.run(f"kill -9 {result.out.strip()}; pkill -f '^sleep 60'").status == 0
