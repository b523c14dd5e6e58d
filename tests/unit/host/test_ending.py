"""How a command ended: as the host says it, in words, and in records, older ones, too."""

from pathlib import Path

import pytest

from rollback_lib.host.ending import Ending, Kind
from rollback_lib.host.jobs import JobState, read_state
from rollback_lib.record.folder import Folder
from rollback_lib.record.state import RunState, ending
from rollback_lib.run.outcome import steps
from tests.builders.plans import plan, step

PLAN = plan(step("build"))
LOST = "killed with the shell that watched it; how it ended is not known"


@pytest.mark.parametrize(
    ("marks", "found", "words"),
    [
        ("0", Ending.exited(0), "exit status 0"),
        ("124", Ending.exited(124), "exit status 124"),
        ("128", Ending.exited(128), "exit status 128"),
        ("137", Ending(Kind.SIGNAL, 9), "killed (SIGKILL), as when memory runs out"),
        (
            "exited 137",
            Ending.exited(137),
            "exit status 137, perhaps of a command that was killed (SIGKILL), as when memory runs out",
        ),
        ("143", Ending(Kind.SIGNAL, 15), "ended by SIGTERM"),
        ("exited 143", Ending.exited(143), "exit status 143"),
        ("168", Ending(Kind.SIGNAL, 40), "ended by signal 40"),
        ("255", Ending.exited(255), "exit status 255"),
        ("deadline 900", Ending(Kind.DEADLINE, 900), "cut off at its deadline of 900 s"),
        ("deadline 0.5", Ending(Kind.DEADLINE, 0.5), "cut off at its deadline of 0.5 s"),
        ("deadline 2592000", Ending(Kind.DEADLINE, 2592000), "cut off at its deadline of 2592000 s"),
    ],
)
def test_what_the_host_says_is_known_and_said(marks: str, found: Ending, words: str) -> None:
    assert (Ending.read(marks), Ending.read(marks).words) == (found, words)
    assert read_state(f"ended {marks}") == (JobState.ENDED, found)


@pytest.mark.parametrize("marks", ["", "exited", "deadline", "deadline 1e999", "deadline nan", "1000", "-1", "exited deadline 3", "0\n0"])
def test_what_says_nothing_of_an_end_is_refused(marks: str) -> None:
    with pytest.raises(ValueError, match="not the end of a command"):
        Ending.read(marks)


def test_a_state_is_one_word_unless_the_job_has_ended() -> None:
    assert read_state("lost") == (JobState.LOST, Ending(Kind.LOST))
    assert read_state("running") == (JobState.RUNNING, None)
    for wrong in ("running 0", "lost 137", "ended", "gone"):
        with pytest.raises(ValueError, match="not"):
            read_state(wrong)


BEGUN = "begun, its end is not known: it may be half done"
FAILED = "failed, it may be half done"


@pytest.mark.parametrize(
    ("event", "how", "came", "words"),
    [
        ({"event": "step-end", "ending": Ending.exited(0)}, Ending.exited(0), "done", "done"),
        ({"event": "step-end", "ending": Ending(Kind.DEADLINE, 9)}, Ending(Kind.DEADLINE, 9), FAILED, "cut off at its deadline of 9 s"),
        ({"event": "step-end", "ending": Ending(Kind.LOST)}, Ending(Kind.LOST), FAILED, LOST),
        ({"event": "job-found", "state": "ended", "ending": Ending(Kind.SIGNAL, 15)}, Ending(Kind.SIGNAL, 15), FAILED, "ended by SIGTERM"),
        ({"event": "job-found", "state": "lost", "ending": Ending(Kind.LOST)}, Ending(Kind.LOST), FAILED, LOST),
        ({"event": "job-found", "state": "running", "ending": None}, None, BEGUN, "its end is not known"),
        # As records were before.
        ({"event": "step-end", "status": 0}, Ending.exited(0), "done", "done"),
        ({"event": "step-end", "status": 3}, Ending.exited(3), FAILED, "exit status 3"),
        ({"event": "step-end", "status": None}, Ending(Kind.DEADLINE), FAILED, "cut off at its deadline"),
        ({"event": "step-end", "status": -1}, Ending(Kind.LOST), FAILED, LOST),
        ({"event": "job-found", "state": "ended", "status": 3}, Ending.exited(3), FAILED, "exit status 3"),
        ({"event": "job-found", "state": "lost", "status": None}, Ending(Kind.LOST), FAILED, LOST),
        ({"event": "job-found", "state": "running", "status": None}, None, BEGUN, "its end is not known"),
    ],
)
def test_a_known_end_is_never_called_unknown(tmp_path: Path, event: dict, how: Ending | None, came: str, words: str) -> None:
    folder = Folder.create("code", tmp_path)
    folder.event("step-begin", step="build", job="build", plan=PLAN.hash, touches=False, commands=["make"])
    folder.event(event["event"], step="build", job="build", plan=PLAN.hash, **{key: event[key] for key in event if key != "event"})
    events = folder.events()
    state = RunState.of(events)
    assert ending(events[-1]) == how
    assert (steps(PLAN, state), tuple(one.step for one in state.unheard)) == ({"build": came}, () if how else ("build",))
    (ran,) = state.ran
    assert (ran.words, ran.heard, ran.ok) == (words, how is not None, words == "done")
