"""A person at a running incident, in a real JupyterLab: choosing another target, closing the page and opening it again, stopping."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_jupyterlab import SHOTS, cell, confirm, jupyterlab, outputs, page, run_all  # noqa: F401
from tests.faults import Scene, freeze, thaw, thaw_when_told_to_end
from tests.machine import Machine


def press(page: Page, source: str) -> None:  # noqa: F811
    cell(page, source).locator(".jp-InputArea-editor").click()
    page.keyboard.press("Control+Enter")


def events(machine: Machine, kind: str) -> list[dict]:
    lines = (machine.folders()[0] / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == kind]


@pytest.mark.whole
def test_another_target_a_closed_page_and_two_stops(broken: Machine, page: Page, tmp_path: Path) -> None:  # noqa: F811
    bad, older = broken.head(), broken.ssh("git -C /opt/dyniq-voice rev-parse HEAD~2")
    with jupyterlab(broken, "01_code", tmp_path, "apply") as address, ThreadPoolExecutor(1) as pool:
        page.goto(address)
        run_all(page)
        expect(outputs(page, "incident.apply(plan.keep)")).to_contain_text("nothing that serves on contabo was changed")

        # The bar stays in sight, and leads to the gate from wherever one is.
        bar = page.locator(".rollback-bar")
        expect(bar).to_contain_text("code on contabo: waits for you to confirm the plan")
        expect(bar.locator(".routes")).to_have_text("agents-api ✘ failsruben-api ✔ passes")
        cell(page, "incident.close()").scroll_into_view_if_needed()
        expect(bar).to_be_in_viewport()
        page.screenshot(path=SHOTS / "sitting-0-bar.png")
        bar.get_by_role("button", name="Go to the gate").click()
        expect(outputs(page, "incident.confirm").get_by_role("textbox")).to_be_focused()
        expect(outputs(page, "incident.confirm").get_by_role("textbox")).to_be_in_viewport()

        # Picking another row updates target, plan and gate; no cell is run again.
        picker = outputs(page, "code.candidates(now)")
        expect(picker.get_by_role("button", name="chosen")).to_have_count(1)
        picker.get_by_role("textbox").fill("no-such-commit")
        picker.get_by_title("Choose what is typed").click()
        expect(picker).to_contain_text("✘")
        picker.get_by_title(f"Choose {older[:7]}").click()
        expect(picker).to_contain_text(f"✔ Chosen: {older}. The plan below is for it.")
        page.screenshot(path=SHOTS / "sitting-1-chosen.png")
        expect(outputs(page, "chosen = incident.examine")).to_contain_text(older)
        expect(outputs(page, "plan = incident.plan")).to_contain_text(f"rollback/dyniq-voice/agents-api:{older}")
        expect(outputs(page, "incident.confirm")).to_contain_text(f"code on contabo, to {older}")
        page.screenshot(path=SHOTS / "sitting-2-gate.png")
        confirm(page, "incident.confirm", "contabo")
        picker.get_by_title(f"Choose {bad[:7]}").click()
        expect(picker).to_contain_text("this incident was confirmed for the target it has")

        # A slow step: the page is closed and opened again while it runs.
        press(page, "incident.apply(plan.keep)")
        expect(outputs(page, "incident.apply(plan.keep)")).to_contain_text("✔ done")
        frozen = pool.submit(freeze, broken.host, "build", 1)
        press(page, "incident.apply(plan.build)")
        held = Scene(broken.host, None, None, frozen.result())
        panel = outputs(page, "incident.apply(plan.build)")
        expect(panel).to_contain_text(re.compile(r"\d s so far"))
        expect(panel).to_contain_text("of the budget of 60 s; no earlier run here")
        expect(bar).to_contain_text(re.compile(r"Build the target's image: \d+ s so far; \d+ s of the budget of 60 s"))
        expect(bar.get_by_role("button", name="Stop after this step")).to_be_visible()
        page.screenshot(path=SHOTS / "sitting-3-running.png")
        page.keyboard.press("Control+s")
        expect(page.locator(".jp-mod-dirty")).to_have_count(0)
        browser = page.context.browser
        page.close()
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(address)
        panel, bar = outputs(page, "incident.apply(plan.build)"), page.locator(".rollback-bar")
        stop = bar.get_by_role("button", name="Stop after this step")
        expect(stop).to_be_visible()
        expect(panel.get_by_role("button", name="Stop after this step")).to_be_visible()
        expect(panel).to_contain_text(re.compile(r"\d s so far"))
        page.screenshot(path=SHOTS / "sitting-4-opened-again.png")

        # The run is stopped between two steps, then continued.
        stop.click()
        expect(panel).to_contain_text("It stops after this step.")
        thaw(held)
        expect(panel).not_to_contain_text("so far")
        expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()
        assert events(broken, "step-end")[-1]["step"] == "build"
        press(page, "incident.apply(plan.restore_tree)")
        expect(outputs(page, "incident.apply(plan.restore_tree)")).to_contain_text(
            "Paused: stopped before step restore_tree, as you asked; nothing that serves on contabo was changed. "
            "Run this cell again to continue"
        )
        assert broken.head() == bad
        press(page, "incident.apply(plan.restore_tree)")
        expect(outputs(page, "incident.apply(plan.restore_tree)")).to_contain_text("✔ done")
        assert broken.head() == older

        # The run is cut short in the middle of a step, after a second question.
        frozen = pool.submit(freeze, broken.host, "recreate", 1)
        press(page, "incident.apply(plan.recreate)")
        held = Scene(broken.host, None, None, frozen.result())
        panel = outputs(page, "incident.apply(plan.recreate)")
        panel.get_by_role("button", name="Cut this step short").click()
        page.screenshot(path=SHOTS / "sitting-5-sure.png")
        panel.get_by_role("button", name="Yes, cut it short").click()
        thaw_when_told_to_end(held)
        expect(panel).to_contain_text("step recreate was cut short on contabo")
        expect(panel).to_contain_text("contabo is changed by the steps that ran")
        expect(bar).to_contain_text("✘ code on contabo: failed-partly")
        expect(bar.locator("code")).to_contain_text("rollback resume")
        page.screenshot(path=SHOTS / "sitting-6-cut-short.png")
    record = json.loads((broken.folders()[0] / "record.json").read_text())
    assert (record["verdict"], record["target"]) == ("failed-partly", older)
    assert [event["job"] for event in events(broken, "step-cut-short")] == ["recreate"]
    assert len(broken.folders()) == 1
