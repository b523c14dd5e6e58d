"""A run that is followed looks like the run itself; what its steps print stands below them."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from rollback_lib.following.events import event
from rollback_lib.terminal.following import Viewer
from rollback_lib.terminal.line import Line, laid_out
from tests.builders.stories import ID, KEEP, PLAN

OPEN = event(
    "open", incident=ID, procedure="code", stack="dyniq-voice", host="contabo", who="me@laptop", mode="apply", reason="500s", budget=60.0
)
KNOWN = {"step": KEEP.name, "job": KEEP.name, "plan": PLAN.hash}
END = {"ending": {"kind": "exited", "number": 0}, "seconds": 1.5, "last_lines": []}


class Printed:
    """What was shown."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.going: Sequence[str] = ()

    def show(self, lines: Iterable[Line]) -> None:
        self.rows += [str(row) for line in lines for row in laid_out(line, None)]

    def now(self, lines: Sequence[str]) -> None:
        self.going = lines


@pytest.fixture
def printed() -> Printed:
    return Printed()


def told(printed: Printed, *events: dict[str, Any]) -> str:
    viewer = Viewer(printed)
    for one in events:
        viewer.show(one)
    return "\n".join(printed.rows)


def test_it_looks_like_the_run_itself_and_shows_what_steps_print(printed: Printed) -> None:
    text = told(
        printed, OPEN, event("plan", hash=PLAN.hash, target=PLAN.target, nothing_to_do=False, plan=PLAN.plain()),
        event("step-begin", **KNOWN, touches=False), event("command", **KNOWN, command="docker image tag"),
        event("output", **KNOWN, line="tagged", left_out=0), event("output", **KNOWN, line="a long", left_out=1234),
        event("step-end", **KNOWN, **END), event("ended", incident=ID, how="released", verdict="succeeded", status=0, reason="healthy"),
    )  # fmt: skip
    for word in (
        "code of dyniq-voice on contabo: apply", f"incident {ID}, by me@laptop, because: 500s", "budget 60 s\n", "UTC; you only watch\n",
        f"Plan {PLAN.hash}: 3 steps", "  Undo\n", "▶ Step 1 of 3, keep, begins: Keep what runs", "    $ docker image tag\n    tagged\n",
        "a long … 1,234 more bytes of this line", "✔ Step 1 of 3, keep, done after 1.5 s", "✔ succeeded: healthy",
    ):  # fmt: skip
        assert word in text + "\n", f"{word!r} is not in\n{text}"


@pytest.mark.parametrize(("one", "said"), [
    (event("free", stack="shop", host="h", cut_off=None, waiting=False), "● Nobody holds shop on h: no run is in progress there"),
    (event("free", stack="shop", host="h", cut_off=None, waiting=True), "there; waiting for the next run …"),
    (event("free", stack="shop", host="h", waiting=False, cut_off={"incident": ID, "who": "me", "procedure": "env"}),
     f"▲ The last run was cut off: env, by me; its lease is over, and `rollback resume {ID}` on the machine"),
    (event("silent", seconds=35), "▲ The run has not been heard of for 35 s; its steps continue"),
    (event("heard", seconds=1), "✔ The run is heard of again"),
    (event("link", said="connected to contabo again"), "▲ Connected to contabo again"),
    (event("withheld", why="deploy may not read .env"), "▲ What the steps print is not shown"),
    (event("output-left-out", **KNOWN, bytes=99000), "… the first 99,000 bytes of its output are left out …"),
    (event("ended", incident=ID, how="lapsed", verdict="unknown", status=6, reason="it was cut off"), "✘ unknown: it was cut off"),
])  # fmt: skip
def test_what_only_followers_are_told(printed: Printed, one: dict[str, Any], said: str) -> None:
    assert said in told(printed, one)


def test_what_goes_on_is_shown_until_it_ends(printed: Printed) -> None:
    viewer = Viewer(printed)
    with viewer.going():
        viewer.show(OPEN)
        viewer.show(event("step-begin", **KNOWN, touches=False))
        while not printed.going:
            pass
        assert printed.going[0].startswith("▶ Step keep, for ")
        viewer.show(event("ended", incident=ID, how="released", verdict="succeeded", status=0, reason="healthy"))
    assert printed.going == ()
