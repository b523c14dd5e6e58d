"""The panel of a run that somebody else has going on: what it shows of events, and that it only watches."""

import pytest

from rollback_lib.following.events import Event, event
from rollback_lib.following.follower import Follower
from rollback_lib.notebook.following import LINES, Panel
from tests.builders.stories import ID, KEEP, PLAN, TREE

KNOWN = {"incident": ID, "procedure": "code", "stack": "dyniq-voice", "host": "contabo", "who": "me@laptop", "mode": "apply"}
PLANNED = event("plan", hash=PLAN.hash, target=PLAN.target, nothing_to_do=False, plan=PLAN.plain())


class Nobody:
    """A follower that sees nothing by itself."""

    closed = False

    def close(self) -> None:
        self.closed = True


def opened() -> Event:
    return event("open", **KNOWN, reason="500s", budget=60.0)


@pytest.fixture
def follower() -> Nobody:
    return Nobody()


@pytest.fixture
def panel(follower: Nobody) -> Panel:
    made: Follower = follower  # type: ignore[assignment]
    return Panel(made)


def begin(name: str) -> Event:
    return event("step-begin", step=name, job=name, plan=PLAN.hash, touches=True)


def end(name: str) -> Event:
    return event("step-end", step=name, job=name, plan=PLAN.hash, ending={"kind": "exited", "number": 0}, seconds=1.0, last_lines=[])


def shown(panel: Panel, *events: Event) -> str:
    for one in events:
        panel.take(one)
    return str(panel.picture())


def test_who_holds_the_stack_how_far_they_are_and_what_it_says(panel: Panel) -> None:
    text = shown(
        panel, opened(), PLANNED, begin(KEEP.name), end(KEEP.name), begin(TREE.name),
        event("command", step=TREE.name, job=TREE.name, command="git checkout\nmore"),
        event("output", step=TREE.name, job=TREE.name, line="HEAD is now at db2f592"),
        event("probe", sent=opened()["at"], route="agents-api", ok=False, status=500, ms=3, said="KeyError"),
    )  # fmt: skip
    assert "In use: me@laptop holds dyniq-voice for a rollback of code, because: 500s, in 3f2a9c. You only watch." in text
    assert "of the budget of 60 s" in text
    for word in (KEEP.title, TREE.title, "done", "so far", "$ git checkout more\nHEAD is now at db2f592", "agents-api ✘ fails"):
        assert word in text
    assert "runs" in text


def test_only_the_last_lines_are_shown(panel: Panel) -> None:
    lines = [event("output", step="keep", job="keep", line=f"line {number}") for number in range(3 * LINES)]
    text = shown(panel, opened(), *lines)
    assert f"line {3 * LINES - 1}" in text
    assert "line 0\n" not in text


@pytest.mark.parametrize(("ended", "said"), [
    (event("ended", verdict="succeeded", status=0, reason="healthy", how="released", incident=ID), "✔ It has ended: succeeded, healthy."),
    (event("ended", verdict="unknown", status=6, reason="cut off", how="lapsed", incident=ID), "✘ It has ended: unknown, cut off."),
    (event("silent", seconds=35), "▲ The run has not been heard of for 35 s; its steps continue."),
    (event("link", said="connected to contabo again"), "▲ Connected to contabo again."),
    (event("withheld", why="no"), "(what the steps print is not shown"),
])  # fmt: skip
def test_what_happens_to_it_is_said(panel: Panel, ended: Event, said: str) -> None:
    text = shown(panel, opened(), PLANNED, ended)
    assert said in text
    assert ("In use" in text) == (ended["event"] != "ended")


def test_a_stack_that_is_free_and_a_plan_that_is_not_there(panel: Panel) -> None:
    assert shown(panel, event("free", stack="dyniq-voice", host="contabo", cut_off=None)) == "✔ Nobody holds dyniq-voice."
    assert "In use" in shown(panel, opened(), begin("keep"))


def test_it_can_be_left_and_the_run_goes_on(panel: Panel, follower: Nobody) -> None:
    shown(panel, opened())
    panel.close()
    assert follower.closed
    assert "You no longer watch it; run this cell again" in str(panel.picture())
