"""Looks at a host become events of the kinds that records have: what began, printed and ended, and how the run ended."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rollback_lib.following.events import SWITCH, Event, Run
from rollback_lib.host.ending import Ending, Kind
from rollback_lib.host.following import JobSeen, Seen
from rollback_lib.host.lock import LEASE, Owner
from rollback_lib.record.state import RunState
from tests.builders.stories import ID, KEEP, PLAN, TREE

NOW = 1_764_500_000.0  # the host's clock
OWNER = Owner(ID, "code", "me@laptop", "500s", "2026-11-24T03:12:04+00:00")


def look(*output: tuple[str, int, bytes], now: float = NOW, lease: float = LEASE, holder: str = ID, **jobs: JobSeen) -> Seen:
    seen = Seen(now, int(now + lease), holder, ID, OWNER if holder == ID else None)
    seen.jobs, seen.output = {name.replace("_2", ".2"): job for name, job in jobs.items()}, list(output)
    return seen


def running(size: int = 0, begun: float = NOW - 3) -> JobSeen:
    return JobSeen(begun, None, size)


def over(size: int = 0, ending: Ending = Ending.exited(0), begun: float = NOW - 3, ended: float = NOW - 1) -> JobSeen:  # noqa: B008 – frozen
    return JobSeen(begun, ended, size, ending)


def run() -> Run:
    return Run(look(), PLAN)


def kinds(events: list[Event]) -> list[str]:
    return [event["event"] for event in events]


def test_it_opens_with_who_holds_the_stack_and_the_plan() -> None:
    opened, planned = run().opening(stack="dyniq-voice", host="contabo", budget=60.0)
    known = {"event": "open", "at": "2026-11-24T03:12:04.000+00:00", "incident": ID, "who": "me@laptop", "reason": "500s", "budget": 60.0}
    assert known.items() <= opened.items()
    assert (planned["hash"], planned["plan"]) == (PLAN.hash, PLAN.plain())
    assert kinds(list(Run(look(), None).opening())) == ["open"]


def test_a_step_from_its_beginning_to_its_end() -> None:
    one = run()
    begun = list(one.take(look(keep=running(0))))
    assert (kinds(begun), begun[0]["touches"]) == (["step-begin"], False)
    printed = list(one.take(look(("keep", 0, b"\x1e0\none\ntw"), keep=running(9))))
    assert [(event["event"], event.get("line", event.get("command"))) for event in printed] == [
        ("command", KEEP.script[0].brief()), ("output", "one"),
    ]  # fmt: skip
    ended = list(one.take(look(("keep", 9, b"o"), keep=over(10, Ending.exited(1)))))
    assert kinds(ended) == ["output", "step-end"]
    assert (ended[0]["line"], ended[1]["ending"], ended[1]["seconds"]) == ("two", {"kind": "exited", "number": 1}, 2.0)
    assert list(one.take(look(keep=over(10, Ending.exited(1))))) == []


def test_the_times_are_those_of_the_host_by_our_clock() -> None:
    begin = next(run().take(look(keep=running(begun=NOW - 60))))
    ago = datetime.now(UTC) - datetime.fromisoformat(begin["at"])
    assert abs(ago - timedelta(seconds=60)) < timedelta(seconds=5)


def test_an_end_is_told_once_all_output_is_there() -> None:
    one = run()
    assert kinds(list(one.take(look(("keep", 0, b"a\n"), keep=over(4))))) == ["step-begin", "output"]
    assert one.ended(look(holder="", keep=over(4))) is None, "there is more to come"
    assert kinds(list(one.take(look(("keep", 2, b"b\n"), holder="", keep=over(4))))) == ["output", "step-end"]
    assert one.ended(look(holder="")) is not None


def test_output_that_came_before_its_job_was_seen_to_begin_is_not_lost() -> None:
    one = run()
    assert list(one.take(look(("keep", 0, b"one\n"), keep=JobSeen(None, None, 4)))) == []
    assert kinds(list(one.take(look(keep=over(4))))) == ["step-begin", "output", "step-end"]


def test_who_comes_late_hears_of_the_steps_that_are_done_and_not_what_they_printed() -> None:
    one = run()
    told = list(one.take(look(("restore_tree", 100, b"cut\nwhole\n"), keep=over(500, begun=NOW - 9), restore_tree=running(110))))
    assert kinds(told) == ["step-begin", "step-end", "step-begin", "output-left-out", "output"]
    assert (told[3]["bytes"], told[4]["line"]) == (100, "whole")


def test_what_comes_twice_is_told_once() -> None:
    one = run()
    list(one.take(look(("keep", 0, b"one\n"), keep=running(4))))
    (event,) = one.take(look(("keep", 2, b"e\ntwo\n"), keep=running(8)))
    assert event["line"] == "two"


def test_another_attempt_at_a_step_is_a_job_of_its_own() -> None:
    one = run()
    events = list(one.take(look(keep=over(begun=NOW - 9), keep_2=running())))
    assert [(event["event"], event["step"], event["job"]) for event in events] == [
        ("step-begin", "keep", "keep"), ("step-end", "keep", "keep"), ("step-begin", "keep", "keep.2"),
    ]  # fmt: skip


def test_the_state_of_the_run_follows_from_the_events() -> None:
    one = run()
    events = [*one.opening(), *one.take(look(keep=over(begun=NOW - 9), restore_tree=over(ending=Ending(Kind.LOST))))]
    state = RunState.of(events)
    assert (state.done, state.touched) == ({(PLAN.hash, KEEP.name)}, True)
    assert state.begun == {KEEP.name: Ending.exited(0), TREE.name: Ending(Kind.LOST)}


def test_a_run_that_is_silent_is_told_once_and_so_that_it_is_heard_of_again() -> None:
    one = run()
    assert list(one.take(look(lease=LEASE - 25))) == []
    (silent,) = one.take(look(lease=LEASE - 35))
    assert (silent["event"], silent["seconds"]) == ("silent", 35)
    assert list(one.take(look(lease=LEASE - 40))) == []
    assert kinds(list(one.take(look(lease=LEASE - 1)))) == ["heard"]


def ended(one: Run, seen: Seen) -> Event:
    list(one.take(seen))
    found = one.ended(seen)
    assert found is not None
    return found


@pytest.mark.parametrize(("told", "verdict", "status"), [
    ({"verdict": "failed-partly", "status": 5, "reason": "step recreate failed"}, "failed-partly", 5),
    (None, "unknown", 6), ({"verdict": "of another version", "reason": ""}, "unknown", 6), ({"verdict": "succeeded"}, "unknown", 6),
])  # fmt: skip
def test_how_it_ended_is_what_the_run_said_when_it_released_the_lock(told: Any, verdict: str, status: int) -> None:
    seen = look(holder="")
    seen.ended = told
    event = ended(run(), seen)
    assert (event["how"], event["verdict"], event["status"]) == ("released", verdict, status)


def test_a_run_that_was_killed_ends_with_its_lease_and_its_jobs() -> None:
    one, late = run(), -1.0
    list(one.take(look(lease=late, keep=running())))
    assert one.ended(look(lease=late, keep=running())) is None
    event = ended(one, look(lease=late, keep=over()))
    assert (event["how"], event["status"]) == ("lapsed", 6)
    assert f"`rollback resume {ID}`" in event["reason"]


def test_a_take_over_ends_it_and_nothing_of_the_other_is_told_as_its_own() -> None:
    one = run()
    list(one.take(look(keep=running())))
    other = Owner("aaaaaa", "env", "you@desk", "", OWNER.since)
    seen = Seen(NOW, int(NOW + LEASE), other.incident, other.incident, other, jobs={"keep": over()})
    assert list(one.take(seen)) == []
    event = one.ended(seen)
    assert event is not None
    assert (event["how"], "you@desk, for a rollback of env, in aaaaaa" in event["reason"]) == ("replaced", True)


def test_a_dead_mans_switch_is_no_step_until_the_host_undoes() -> None:
    one = run()
    one.switch = 300
    (armed,) = one.take(look(**{SWITCH: running(begun=NOW - 10)}))
    assert armed["event"] == "armed"
    left = datetime.fromisoformat(armed["until"]) - datetime.now(UTC)
    assert abs(left - timedelta(seconds=290)) < timedelta(seconds=5)
    # The guard of the switch is the first command of each step then.
    (_, command) = one.take(look(("keep", 0, b"\x1e0\n\x1e1\n"), keep=running(6), **{SWITCH: running(begun=NOW - 10)}))
    assert command["command"] == KEEP.script[0].brief()
    seen = look(lease=-1, keep=over(6), **{SWITCH: running(begun=NOW - 10)})
    seen.decided = "host"
    assert kinds(list(one.take(seen))) == ["disarmed", "step-begin", "step-end", "silent"]
    gone = look(lease=-1, keep=over(6), **{SWITCH: over(begun=NOW - 10)})
    gone.decided = "host"
    assert "the host has undone it by itself" in ended(one, gone)["reason"]
