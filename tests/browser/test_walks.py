"""Whole incidents, from the start page to the report, by clicking only and by the keyboard only. Each leaves pictures."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from lab.relay import Relay
from rollback_lib.record.audit import verify
from tests.acceptance.test_follow import over
from tests.browser.hands import CELLS, Hands, Keys, Mouse
from tests.browser.pictures import Pictures
from tests.browser.test_jupyterlab import SHOTS, page  # noqa: F401
from tests.browser.test_opening import opened
from tests.faults import Scene, freeze, thaw
from tests.machine import Machine

ERROR = '[data-mime-type$="jupyter.error"], [data-mime-type$="jupyter.stderr"]'
KEYS, MOUSE = Keys(), Mouse()
BOTH = pytest.mark.parametrize("hands", [MOUSE, KEYS], ids=["mouse", "keyboard"])


class Walk:
    """A person on the way. `shown` keeps what they see; `pictures` are those of the documentation, None where another walk takes them."""

    def __init__(self, page: Page, hands: Hands, name: str, pictures: Pictures | None = None) -> None:  # noqa: F811
        self.page, self.hands, self._pictures = page, hands, pictures
        self._name, self._number = f"walk-{name}-{hands.name}", 0

    def cell(self, source: str) -> Locator:
        inputs = self.page.locator(".jp-InputArea", has_text=source)
        return self.page.locator(f"{CELLS} .jp-CodeCell").filter(has=inputs).first

    def output(self, source: str) -> Locator:
        return self.cell(source).locator(".jp-Cell-outputArea")

    def expect(self, source: str, *said: str) -> Locator:
        """The output of a cell of the notebook in front, once it says all of this."""
        found = self.output(source)
        for one in said:
            expect(found).to_contain_text(one, timeout=60_000)
        return found

    def shown(self) -> None:
        self._number += 1
        self.page.screenshot(path=SHOTS / f"{self._name}-{self._number}.png")

    def picture(self, name: str, shown: Locator, most: float = 900.0) -> None:
        if self._pictures:
            self._pictures.take(name, shown, most)

    def from_start(self, address: str, link: str) -> None:
        self.page.goto(address)
        self.picture("start", self.expect("start.stacks(stack)", "Looked at last: "))
        self.shown()
        self.hands.follow(self.expect("start.procedures(stack)").get_by_role("link", name=link, exact=True).first)
        expect(self.page.locator(f"{CELLS} .jp-CodeCell").first).not_to_contain_text("a name in parameters/, the path")

    def triage(self, address: str, procedure: str) -> None:
        """From the start page over triage to the copy of that procedure that can apply."""
        self.from_start(address, "triage")
        self.look(procedure)

    def look(self, procedure: str) -> None:
        """Run the triage in front, and go to the copy of the procedure that can apply."""
        self.hands.run_all(self.page)
        expect(self.cell("run.close()").locator(".jp-InputPrompt")).to_have_text("[*]:")
        self.expect("run.close()", "Verdict: looked.")
        offered = self.expect("offer(run, found", f"the {procedure} rollback")
        self.shown()
        self.picture("triage", self.output("found = triage.diagnose"), 420.0)
        self.picture("offer", offered, 110.0)
        self.hands.follow(offered.get_by_role("link", name=re.compile(f"{procedure}.*to apply")).first)
        expect(self.page.locator(f"{CELLS} .jp-CodeCell").first).to_contain_text('mode: str = "apply"')

    def plan(self) -> None:
        self.hands.run_all(self.page)
        gate = self.output("incident.confirm(plan")
        expect(gate.get_by_role("textbox")).to_be_focused(timeout=90_000)
        self.shown()
        self.picture("gate", gate)
        self.picture("bar", self.page.locator(f"{CELLS} .rollback-bar"))

    def apply(self, source: str = "incident.confirm(plan", word: str = "contabo") -> None:
        gate = self.output(source)
        self.hands.confirm(gate, word)
        expect(gate.get_by_role("button", name="Run the cells below")).to_be_focused()
        self.hands.go_on(gate)

    def picked(self, target: str) -> None:
        """Choose another target by typing it."""
        picker = self.output(".candidates(now)")
        self.hands.type(picker.get_by_role("textbox"), target)
        self.hands.follow(picker.get_by_title("Choose what is typed"))
        expect(picker).to_contain_text(f"Chosen: {target}", timeout=60_000)

    def close(self) -> None:
        """To the verdict, which comes into sight by itself, and from there to the report."""
        closed = self.expect("incident.close()", "Verdict: succeeded.")
        expect(closed.get_by_text("Verdict: succeeded.")).to_be_in_viewport()
        self.to_report(closed)

    def close_after_failure(self, verdict: str) -> None:
        """By the bar, which stays in sight, and whose button has the focus after a step that failed."""
        bar = self.page.locator(f"{CELLS} .rollback-bar")
        expect(bar).to_contain_text(verdict)
        button = bar.get_by_role("button", name="Close the record")
        expect(button).to_be_focused()
        expect(button).to_be_in_viewport()
        self.hands.press(button)
        closed = self.expect("incident.close()", f"Verdict: {verdict}.")
        expect(closed.get_by_text(f"Verdict: {verdict}.")).to_be_in_viewport()
        expect(button).to_be_hidden()
        self.to_report(closed)

    def to_report(self, closed: Locator) -> None:
        self.shown()
        self.picture("verified", self.output("incident.verify(plan);"))
        self.hands.follow(closed.get_by_role("link", name="Open the report"))
        report = self.page.frame_locator(".jp-HTMLViewer iframe").last
        expect(report.locator("h1")).to_be_visible()
        self.shown()
        self.picture("report", report.locator("body"), 500.0)


@contextmanager
def relayed(port: int) -> Iterator[Relay]:
    """A relay that is started in another thread, since playwright has a loop of events in this one."""
    relay = Relay(port)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(relay.__enter__).result()
        try:
            yield relay
        finally:
            pool.submit(relay.__exit__, None, None, None).result()


def verdicts(machine: Machine) -> list[str]:
    return [json.loads((folder / "record.json").read_text())["verdict"] for folder in machine.folders()]


@pytest.mark.parametrize("hands", [pytest.param(MOUSE, id="mouse"), pytest.param(KEYS, id="keyboard", marks=pytest.mark.whole)])
def test_a_bad_commit(hands: Hands, broken: Machine, page: Page, tmp_path: Path, pictures: Pictures) -> None:  # noqa: F811
    with opened(broken, tmp_path) as address:
        walk = Walk(page, hands, "code", pictures if hands is MOUSE else None)
        walk.triage(address, "code")
        walk.plan()
        walk.apply()
        walk.close()
        hands.to_tab(page, "start")
        walk.expect("start.latest(stack)", "✔ succeeded", "● looked")
        walk.shown()
    assert (verdicts(broken), broken.health()[0]) == (["looked", "succeeded"], 200)
    assert verify(broken.incidents).findings == ()


@pytest.mark.whole
@BOTH
def test_an_env_file_and_a_caddyfile_at_once(hands: Hands, clean: Machine, page: Page, tmp_path: Path) -> None:  # noqa: F811
    clean.host.break_("env")
    clean.host.break_("caddyfile")
    with opened(clean, tmp_path) as address:
        walk = Walk(page, hands, "env-and-caddyfile")
        walk.triage(address, "caddyfile")
        walk.plan()
        walk.apply()
        said = walk.expect("incident.verify(plan);", "not verified", "If something else is wrong as well")
        expect(said).to_be_in_viewport()
        walk.shown()
        hands.to_tab(page, "00_triage")
        walk.look("env")
        walk.plan()
        walk.apply()
        walk.close()
    assert (verdicts(clean), clean.health()[0]) == (["looked", "failed-partly", "looked", "succeeded"], 200)
    assert verify(clean.incidents).findings == ()


@pytest.mark.whole
@BOTH
def test_a_bad_migration(hands: Hands, clean: Machine, page: Page, tmp_path: Path) -> None:  # noqa: F811
    clean.host.break_("database")
    with opened(clean, tmp_path) as address:
        walk = Walk(page, hands, "database")
        walk.triage(address, "database")
        walk.plan()
        walk.apply()
        walk.expect("incident.apply(plan.swap)", "NotConfirmed: not accepted")
        second = walk.output("incident.accept(plan, losses")
        expect(second.get_by_role("textbox")).to_be_focused()
        expect(page.locator(f"{CELLS} .rollback-bar")).to_contain_text("waits for you to accept what is lost")
        walk.shown()
        walk.apply("incident.accept(plan, losses", "dyniq")
        walk.close()
    assert (verdicts(clean), clean.health()[0]) == (["looked", "succeeded"], 200)


@pytest.mark.whole
@BOTH
def test_a_target_that_does_not_build(hands: Hands, broken: Machine, page: Page, tmp_path: Path) -> None:  # noqa: F811
    unbuildable = broken.commit("break the build", "echo 'RUN exit 7' >>agents_api/Dockerfile")
    with opened(broken, tmp_path) as address:
        walk = Walk(page, hands, "does-not-build")
        walk.triage(address, "code")
        walk.plan()
        walk.picked(unbuildable)
        walk.apply()
        expect(walk.output("incident.apply(plan.build)").locator(ERROR).last).to_be_in_viewport(timeout=60_000)
        walk.shown()
        walk.close_after_failure("refused")
        hands.to_tab(page, "01_code")
        walk.plan()
        walk.apply()
        walk.close()
    assert (verdicts(broken), broken.health()[0]) == (["looked", "refused", "succeeded"], 200)


@pytest.mark.whole
@BOTH
def test_a_lost_connection(hands: Hands, broken: Machine, page: Page, tmp_path: Path) -> None:  # noqa: F811
    with relayed(broken.host.ssh_port) as relay, ThreadPoolExecutor(1) as pool:
        far = Machine(broken.host, broken.incidents)
        far.stack = over(relay, broken, tmp_path)
        with opened(far, tmp_path) as address:
            walk = Walk(page, hands, "lost-connection")
            walk.triage(address, "code")
            walk.plan()
            frozen = pool.submit(freeze, broken.host, "build", 1, 120.0)
            walk.apply()
            held = Scene(broken.host, relay, None, frozen.result())
            relay.cut()
            walk.expect("incident.apply(plan.build)", "is lost; what runs there continues", "connected to contabo again")
            walk.shown()
            thaw(held)
            walk.close()
    assert (verdicts(broken), broken.health()[0]) == (["looked", "succeeded"], 200)
