"""Whole incidents, from the start page to the report, by clicking only and by the keyboard only. Each leaves pictures."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from rollback_lib.record.audit import verify
from tests.browser.hands import CELLS, Hands, Keys, Mouse
from tests.browser.test_jupyterlab import SHOTS, page  # noqa: F401
from tests.browser.test_opening import opened
from tests.machine import Machine

KEYS, MOUSE = Keys(), Mouse()
BOTH = pytest.mark.parametrize("hands", [MOUSE, KEYS], ids=["mouse", "keyboard"])


class Walk:
    """A person on the way. `shown` takes a picture."""

    def __init__(self, page: Page, hands: Hands, name: str) -> None:  # noqa: F811
        self.page, self.hands = page, hands
        self._name, self._number = f"walk-{name}-{hands.name}", 0
        self.gone_on = 0

    def cell(self, source: str) -> Locator:
        inputs = self.page.locator(".jp-InputArea", has_text=source)
        return self.page.locator(f"{CELLS} .jp-CodeCell").filter(has=inputs).first

    def expect(self, source: str, *said: str) -> Locator:
        """The output of a cell of the notebook in front, once it says all of this."""
        found = self.cell(source).locator(".jp-Cell-outputArea")
        for one in said:
            expect(found).to_contain_text(one, timeout=60_000)
        return found

    def shown(self) -> None:
        self._number += 1
        self.page.screenshot(path=SHOTS / f"{self._name}-{self._number}.png")

    def from_start(self, address: str, link: str) -> None:
        self.page.goto(address)
        self.expect("start.stacks(stack)", "Looked at last: ")
        self.shown()
        self.hands.follow(self.expect("start.procedures(stack)").get_by_role("link", name=link, exact=True).first)
        expect(self.page.locator(f"{CELLS} .jp-CodeCell").first).not_to_contain_text("a name in parameters/, the path")

    def triage(self, address: str, procedure: str) -> None:
        """From the start page over triage to the copy of that procedure that can apply."""
        self.from_start(address, "triage")
        self.hands.run_all(self.page)
        self.expect("run.close()", "Verdict: looked.")
        offered = self.expect("offer(run, found", f"the {procedure} rollback")
        self.shown()
        self.hands.follow(offered.get_by_role("link", name=re.compile(f"{procedure}.*to apply")).first)
        expect(self.page.locator(f"{CELLS} .jp-CodeCell").first).to_contain_text('mode: str = "apply"')

    def plan(self) -> None:
        self.hands.run_all(self.page)
        gate = self.cell("incident.confirm(plan")
        expect(gate.get_by_role("textbox")).to_be_focused(timeout=90_000)
        self.shown()

    def apply(self, source: str = "incident.confirm(plan", word: str = "contabo") -> None:
        gate = self.cell(source)
        self.hands.confirm(gate, word)
        expect(gate.get_by_role("button", name="Run the cells below")).to_be_focused()
        self.hands.go_on(gate)

    def close(self, verdict: str = "succeeded") -> None:
        """To the verdict, and from there to the report."""
        closed = self.expect("incident.close()", f"Verdict: {verdict}.")
        self.shown()
        self.hands.follow(closed.get_by_role("link", name="Open the report"))
        report = self.page.frame_locator(".jp-HTMLViewer iframe").last
        expect(report.locator("h1")).to_be_visible()
        self.shown()


def verdicts(machine: Machine) -> list[str]:
    return [json.loads((folder / "record.json").read_text())["verdict"] for folder in machine.folders()]


@BOTH
def test_a_bad_commit(hands: Hands, broken: Machine, page: Page, tmp_path: Path) -> None:  # noqa: F811
    with opened(broken, tmp_path) as address:
        walk = Walk(page, hands, "code")
        walk.triage(address, "code")
        walk.plan()
        walk.apply()
        walk.close()
        hands.to_tab(page, "start")
        walk.expect("start.latest(stack)", "✔ succeeded", "● looked")
        walk.shown()
    assert (verdicts(broken), broken.health()[0]) == (["looked", "succeeded"], 200)
    assert verify(broken.incidents).findings == ()
