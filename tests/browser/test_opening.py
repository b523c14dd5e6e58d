"""`rollback open` in a real JupyterLab: a working copy in the folder of its record, and the start page."""

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from rollback_lib.record.audit import verify
from rollback_lib.runbook.new_folder import make
from rollback_lib.runbook.still import WIDGET
from rollback_lib.settings import HOME_VARIABLE, PROJECT
from tests.browser.server import end
from tests.browser.test_jupyterlab import SHOTS, cell, outputs, page, run_all  # noqa: F401
from tests.machine import BIN, Machine


def runbooks(tmp_path: Path) -> Path:
    """A runbook folder that knows no stack but those that a test puts there, so that nothing is sent to hosts of other people."""
    folder = tmp_path / "runbooks"
    make(folder)
    (folder / "parameters" / "drill.yaml").unlink(missing_ok=True)
    return folder


def answers(address: str) -> bool:
    """Whether somebody listens at this address."""
    url = urlsplit(address)
    try:
        socket.create_connection((url.hostname, url.port), 1).close()
    except OSError:
        return False
    return True


@contextmanager
def opened(machine: Machine, tmp_path: Path, *words: str, stack: bool = True) -> Iterator[str]:
    """Run `rollback open` as a person does, and end it afterwards. Yields the address that JupyterLab prints."""
    env = machine.env({"JUPYTER_CONFIG_DIR": str(tmp_path / "config"), HOME_VARIABLE: str(runbooks(tmp_path))})
    log = (tmp_path / "open.log").open("w")
    named = ["--stack", os.path.relpath(machine.stack)] if stack else []
    argv = [BIN / "rollback", "open", *words, *named, "--no-browser"]
    server = subprocess.Popen(argv, env=env, stdout=log, stderr=log)
    try:
        while not (printed := re.search(r"http://127\.0\.0\.1:\S+token=\w+", (tmp_path / "open.log").read_text())):
            assert server.poll() is None, (tmp_path / "open.log").read_text()
            time.sleep(0.1)
        while not answers(printed[0]):  # it prints its address a moment before it listens there
            assert server.poll() is None, (tmp_path / "open.log").read_text()
            time.sleep(0.1)
        yield printed[0]
    finally:
        end(server)
        log.close()


def until(page: Page, holds: Callable[[], bool]) -> None:  # noqa: F811
    deadline = time.monotonic() + 90  # JupyterLab waits ten times as long as its last save took before the next one
    while not holds():
        assert time.monotonic() < deadline, (holds, page.url)
        page.wait_for_timeout(100)


def test_open_makes_a_working_copy_and_the_start_page_shows_what_came_of_it(clean: Machine, page: Page, tmp_path: Path) -> None:  # noqa: F811
    before = subprocess.check_output(["git", "status", "--porcelain", "notebooks"], cwd=PROJECT)
    page.emulate_media(color_scheme="dark")
    with opened(clean, tmp_path, "code", "-p", "reason=slow answers") as address:
        page.goto(address)
        filled = cell(page, "stack: str")
        expect(filled).to_contain_text(f'stack: str = "{clean.stack}"')
        expect(filled).to_contain_text('reason: str = "slow answers"')
        expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
        run_all(page)
        expect(outputs(page, "incident.close()")).to_contain_text("Verdict: planned.")
        expect(page.get_by_text("Would you like to get notified about official Jupyter news?")).to_have_count(0)
        page.screenshot(path=SHOTS / "open-1.png")
        (folder,) = clean.folders()
        copy = folder / "working.ipynb"
        assert json.loads((folder / "record.json").read_text())["verdict"] == "planned"

        # The record has the notebook once JupyterLab has saved what the last cell shows, and stays good while the copy goes on.
        shown = folder / "notebook.html"
        until(page, lambda: shown.exists() and "Verdict: planned." in shown.read_text())
        until(page, lambda: verify(clean.incidents).sealed == 1)
        sealed, saved = (folder / "notebook.ipynb").read_bytes(), copy.read_bytes()
        cell(page, "stack: str").locator(".cm-content").click()
        page.keyboard.press("Control+End")
        page.keyboard.type("# seen")
        until(page, lambda: b"# seen" in copy.read_bytes())
        assert saved != copy.read_bytes()
    audit = verify(clean.incidents)
    assert (audit.records, audit.sealed, audit.findings) == (1, 1, ())
    assert (folder / "notebook.ipynb").read_bytes() == sealed
    assert WIDGET not in sealed.decode()  # it would be an error wherever the record is opened
    assert {file.stat().st_mode & 0o77 for file in (copy, folder / "notebook.ipynb", folder)} == {0}

    clean.host.break_("caddyfile")
    with opened(clean, tmp_path) as address:
        page.goto(address)
        expect(outputs(page, "start.state(stack)")).to_contain_text("Not healthy: agents-api.")
        expect(outputs(page, "start.at_work(stack)")).to_contain_text("Nobody holds dyniq-voice.")
        expect(page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab")).to_have_text(["start.ipynb"])
        page.screenshot(path=SHOTS / "open-2.png")
        expect(outputs(page, "start.latest(stack)")).to_contain_text("● planned")
        expect(outputs(page, "start.latest(stack)").get_by_role("link", name="notebook")).to_have_count(1)
        expect(outputs(page, "start.history(stack)")).to_contain_text("No rollback was needed yet.")
        page.screenshot(path=SHOTS / "open-3.png")
        outputs(page, "start.procedures(stack)").get_by_role("link", name="caddyfile").click()
        there = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)").locator(".jp-CodeCell").first
        expect(there).to_contain_text(f'stack: str = "{clean.stack}"')
        expect(there).to_contain_text("a commit that has the version")
        page.screenshot(path=SHOTS / "open-4.png")
    assert verify(clean.incidents).records == 1
    assert subprocess.check_output(["git", "status", "--porcelain", "notebooks"], cwd=PROJECT) == before
