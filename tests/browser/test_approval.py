"""The gate in JupyterLab while another person approves."""

import json
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from rollback_lib.record.audit import verify
from tests.browser.test_jupyterlab import SHOTS, cell, jupyterlab, outputs, page, run_all  # noqa: F401
from tests.builders.keys import allow, key
from tests.machine import BIN, Machine


@pytest.mark.whole
def test_the_gate_shows_live_who_has_approved(clean: Machine, page: Page, tmp_path: Path) -> None:  # noqa: F811
    clean.host.break_("caddyfile")
    ben = key(tmp_path, "ben")
    signers = allow(tmp_path / "signers", ben=ben)
    stack = clean.edited_stack(lambda content: content.update(approval={"signers": str(signers), "for": ["caddyfile"]}))
    asking = Machine(clean.host, clean.incidents)
    asking.stack = stack
    with jupyterlab(asking, "04_caddyfile", tmp_path, "apply") as address:
        page.goto(address)
        run_all(page)
        gate = outputs(page, "incident.confirm")
        expect(gate).to_contain_text("Not approved yet (0 of 1)")
        incident = asking.folders()[0].name[-6:]
        expect(gate).to_contain_text(f"rollback approve {incident} --stack {stack}")
        expect(gate.locator("input[type=text]")).to_be_focused()
        page.keyboard.type("contabo")
        button = gate.get_by_role("button", name="Confirm")
        expect(button).to_be_disabled()
        page.screenshot(path=SHOTS / "approval-1-waits.png")
        expect(outputs(page, "incident.apply(plan.keep)")).to_contain_text("NotConfirmed")

        # Another person, elsewhere; the page does nothing meanwhile.
        plan = json.loads((asking.folders()[0] / "record.json").read_text())["plan"]
        argv = [BIN / "rollback", "approve", incident, "--stack", stack, "--key", ben, "--plan", plan]
        subprocess.run(argv, check=True, capture_output=True, env=clean.env({"ROLLBACK_INCIDENTS": str(tmp_path / "of-ben")}))
        gate = cell(page, "incident.confirm")
        expect(gate).to_contain_text("Approved by ben@dyniq")
        expect(button).to_be_enabled()
        page.screenshot(path=SHOTS / "approval-2-approved.png")
        gate.locator("input[type=text]").press("Enter")
        gate.get_by_role("button", name="Run the cells below").click()
        expect(outputs(page, "incident.close()")).to_contain_text("Verdict: succeeded.")
        page.screenshot(path=SHOTS / "approval-3-closed.png")
    assert clean.health()[0] == 200
    events = [json.loads(line) for line in (asking.folders()[0] / "events.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events if event["event"] in ("approval-asked", "approved", "confirmed")] == [
        "approval-asked", "approved", "confirmed",
    ]  # fmt: skip
    assert verify(clean.incidents).findings == ()
