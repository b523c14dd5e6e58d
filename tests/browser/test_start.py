"""The start page in a real JupyterLab: all stacks live, what changed last, incidents with filters, and nothing that axe-core objects to."""

import re
import shutil
from pathlib import Path

import yaml
from playwright.sync_api import Page, expect

from tests.browser.access import lacking
from tests.browser.test_jupyterlab import SHOTS, outputs, page  # noqa: F401
from tests.browser.test_opening import opened, runbooks
from tests.builders.sealed import record
from tests.builders.stack import bare
from tests.machine import Machine

PARTS = ("stacks", "state", "changes", "at_work", "procedures", "latest", "history")


def several(machine: Machine, tmp_path: Path) -> None:
    """The stack of the practice host, one that nobody answers for, and a file that is wrong; and what was done before."""
    folder = runbooks(tmp_path) / "parameters"
    shutil.copy(machine.stack, folder / "voice.yaml")
    shop = bare(ssh_config=str(machine.host.ssh_config), host="nowhere").model_dump(mode="json", exclude_unset=True)
    shop["routes"][0]["url"] = "http://127.0.0.1:9/"
    (folder / "shop.yaml").write_text(yaml.safe_dump({"stack": shop}))
    (folder / "wrong.yaml").write_text("stack: {name: wrong}\n")
    for procedure, verdict, more in (
        ("readiness", "ready", {"mode": "plan"}), ("code", "succeeded", {"changed": True, "healthy_seconds": 4.0}),
        ("env", "failed-restored", {"changed": True, "reason": "the routes did not pass"}),
    ):  # fmt: skip
        record(machine.incidents, procedure=procedure, stack="dyniq-voice", verdict=verdict, practice=True, **more)
    for _ in range(12):
        record(machine.incidents, procedure="image", stack="shop", changed=True, healthy_seconds=3.0)


def test_all_stacks_are_seen_live_and_incidents_are_filtered(clean: Machine, page: Page, tmp_path: Path) -> None:  # noqa: F811
    several(clean, tmp_path)
    with opened(clean, tmp_path, stack=False) as address:
        page.goto(address)
        stacks = outputs(page, "start.stacks(stack)")
        expect(stacks).to_contain_text("Not healthy: shop (web).")
        expect(stacks).to_contain_text("✔ 200 agents-api")
        expect(stacks).to_contain_text("host: this key is missing")
        expect(stacks.locator("tr", has_text="voice")).to_contain_text(re.compile(r"✔ ready, \d+ s ago"))
        expect(stacks.locator("tr", has_text="voice")).to_contain_text(re.compile(r"ago: restart, "))
        expect(stacks.locator("tr", has_text="shop")).to_contain_text("the host could not be asked")
        page.screenshot(path=SHOTS / "start-1-all.png")

        # Nobody runs a cell: what breaks is seen.
        clean.host.break_("caddyfile")
        expect(stacks).to_contain_text("Not healthy: shop (web); voice (agents-api).")
        expect(stacks).to_contain_text("Looked at last: ")
        expect(outputs(page, "start.procedures(stack)")).to_contain_text("Choose a stack in the table above")

        incidents = outputs(page, "start.latest(stack)")
        expect(incidents.locator("tbody tr")).to_have_count(10)
        incidents.get_by_role("button", name="Show 10 more").click()
        expect(incidents.locator("tbody tr")).to_have_count(15)
        incidents.get_by_label("verdict").select_option("failed-restored")
        expect(incidents.locator("tbody tr")).to_have_count(1)
        expect(incidents).to_contain_text("the routes did not pass")
        incidents.get_by_label("stack").select_option("shop")
        expect(incidents).to_contain_text("No incident matches.")
        page.screenshot(path=SHOTS / "start-2-filtered.png")
        stacks.get_by_role("link", name="voice").click()
        there = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)").locator(".jp-CodeCell").first
        expect(there).to_contain_text('stack: str = "voice"', timeout=90_000)  # its kernel starts first
        # It is alive as the first page is, without Run All.
        own = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell").filter(has_text="start.state(stack)")
        expect(own).to_contain_text("Not healthy: agents-api.")
        expect(own).to_contain_text("Looked at last: ")
        page.screenshot(path=SHOTS / "start-3-own.png")


def test_the_start_page_lacks_nothing_light_dark_and_narrow(clean: Machine, page: Page, tmp_path: Path) -> None:  # noqa: F811
    several(clean, tmp_path)
    with opened(clean, tmp_path) as address:
        page.goto(address)
        for part in PARTS:
            outputs(page, f"start.{part}(stack)").locator(":scope > *").first.wait_for()
        for live in PARTS[:2]:
            expect(outputs(page, f"start.{live}(stack)")).to_contain_text("Looked at last: ")
        for theme, width in (("light", 1280), ("dark", 1280), ("light", 640)):
            page.emulate_media(color_scheme=theme)
            page.set_viewport_size({"width": width, "height": 1000})
            expect(page.locator("body")).to_have_attribute("data-jp-theme-light", str(theme == "light").lower())
            page.screenshot(path=SHOTS / f"start-{theme}-{width}.png")
            assert lacking(page, ".jp-Cell-outputArea") == []
