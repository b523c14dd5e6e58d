"""The notebook in a real JupyterLab, driven by a real browser as a person would; screenshots for a person to look at."""

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from rollback_lib.record.audit import verify
from rollback_lib.runbook import working_copy
from rollback_lib.settings import PROJECT
from tests.browser.server import end
from tests.machine import BIN, Machine

SHOTS = PROJECT / "build" / "screenshots"
# Without these, chromium looks for hosts of its maker's at every start.
QUIET = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
expect.set_options(timeout=30_000)  # milliseconds; a busy machine takes its time
CHROMIUM = ["--no-sandbox", "--disable-gpu", *QUIET]


def filled_in(machine: Machine, name: str, folder: Path, mode: str, **parameters: str) -> None:
    """Write a copy of the notebook to the folder, with its parameters filled in."""
    asked = {"stack": str(machine.stack), "mode": mode, **parameters}
    working_copy.copy(PROJECT / "notebooks" / f"{name}.ipynb", folder / f"{name}.ipynb", asked)


@contextmanager
def jupyterlab(machine: Machine, name: str, tmp_path: Path, mode: str, **parameters: str) -> Iterator[str]:
    """Start JupyterLab on a folder with a copy of the notebook, with its parameters filled in. Yields its address."""
    folder = tmp_path / "work"
    folder.mkdir()
    filled_in(machine, name, folder, mode, **parameters)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(8)
    root = ["--allow-root"] if os.geteuid() == 0 else []
    argv = [
        BIN / "jupyter",
        "lab",
        "--no-browser",
        f"--port={port}",
        f"--IdentityProvider.token={token}",
        "--LabApp.expose_app_in_browser=True",
        f"--LabApp.app_settings_dir={PROJECT / 'rollback_lib' / 'notebook' / 'settings'}",
        *root,
        folder,
    ]
    log = (tmp_path / "lab.log").open("w")
    server = subprocess.Popen(argv, env={**machine.env(), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}, stdout=log, stderr=log)
    try:
        while True:
            assert server.poll() is None, (tmp_path / "lab.log").read_text()
            try:
                urlopen(f"http://127.0.0.1:{port}/api?token={token}", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/lab/tree/{name}.ipynb?token={token}"
    finally:
        end(server)
        log.close()


@pytest.fixture
def page() -> Iterator[Page]:
    SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(30_000)
        yield page
        browser.close()


def cell(page: Page, source: str) -> Locator:
    """The code cell whose source has this text."""
    return page.locator(".jp-CodeCell").filter(has=page.locator(".jp-InputArea", has_text=source)).first


def menu(page: Page, *path: str) -> None:
    page.get_by_role("menuitem", name=path[0], exact=True).click()
    page.locator(".lm-Menu-item", has_text=re.compile(f"^{path[1]}")).first.click()


def run_all(page: Page) -> None:
    """Choose Run All Cells once the kernel answers. JupyterLab shows it as idle a moment too early, and drops cells that are run then."""
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()
    ran = cell(page, "stack: str").locator(".jp-InputPrompt")
    while True:
        menu(page, "Run", "Run All Cells")
        try:
            expect(ran).to_have_text(re.compile(r"\[[\d*]"), timeout=3_000)
            return
        except AssertionError:
            expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()


def outputs(page: Page, source: str) -> Locator:
    found = cell(page, source)
    found.scroll_into_view_if_needed()
    return found.locator(".jp-Cell-outputArea")


@pytest.fixture
def lab(broken: Machine, tmp_path: Path) -> Iterator[str]:
    with jupyterlab(broken, "01_code", tmp_path, "apply") as address:
        yield address


LISTED = {"06_redeploy": "built from the tree"}
CHOSEN = {"04_caddyfile": "Chosen: the last different", "06_redeploy": "Chosen: the tree as it is checked out"}


# The others look the same; what each of them shows is compared in tests/acceptance/test_reference.py.
PLANNED = {
    "04_caddyfile": "Step 3, Reload Caddy: changes the stack",
    "06_redeploy": "Step 4, Down and up: changes the stack",
}


@pytest.mark.whole
def test_run_all_of_the_other_notebooks_looks_and_plans(clean: Machine, page: Page, tmp_path: Path) -> None:
    clean.host.break_("env")
    before = clean.listing()
    with jupyterlab(clean, next(iter(PLANNED)), tmp_path, "plan") as address:
        for name, plan in PLANNED.items():
            filled_in(clean, name, tmp_path / "work", "plan")
            page.goto(address.replace(next(iter(PLANNED)), name) + "&reset")  # without the tab of the one before
            run_all(page)
            expect(outputs(page, "incident.close()")).to_contain_text("Verdict: planned.")
            for number, (source, said) in enumerate(
                (("now = incident.document()", "Not healthy: agents-api"), (".candidates(now)", LISTED.get(name, "verdict")),
                 ("chosen = incident.examine", CHOSEN.get(name, "Chosen: the new")), ("plan = incident.plan", plan)), 1,
            ):  # fmt: skip
                expect(outputs(page, source)).to_contain_text(said)
                page.screenshot(path=SHOTS / f"{name}-{number}.png")
    assert clean.listing() == before


def test_cell_by_cell_to_health(lab: str, page: Page, broken: Machine) -> None:
    bad = broken.head()
    page.goto(lab)
    expect(cell(page, "from rollback_lib.notebook")).to_be_visible()

    # Run All shows state and plan, and stops at the gate with a sentence.
    run_all(page)
    expect(outputs(page, "incident.apply(plan.keep)")).to_contain_text(
        "NotConfirmed: not confirmed: type the host's name, contabo, in the box above"
    )
    assert "Traceback" not in outputs(page, "incident.apply(plan.keep)").inner_text()
    expect(outputs(page, "now = incident.document()")).to_contain_text("Not healthy: agents-api.")
    page.screenshot(path=SHOTS / "1-state.png")
    expect(outputs(page, "plan = incident.plan")).to_contain_text("Step 4, Recreate agents-api: changes the stack")
    page.screenshot(path=SHOTS / "2-plan.png")
    assert broken.head() == bad

    # The button stays off until the host's name is typed.
    gate = outputs(page, "incident.confirm")
    expect(gate.locator("input[type=text]")).to_be_focused()
    button = gate.get_by_role("button", name="Confirm")
    expect(button).to_be_disabled()
    box = gate.locator("input[type=text]")
    box.fill("production")
    expect(button).to_be_disabled()
    box.fill("contabo")
    expect(button).to_be_enabled()
    page.screenshot(path=SHOTS / "3-gate.png")
    button.click()
    expect(gate).to_contain_text("Confirmed. Run the cells below")
    assert broken.head() == bad

    # From there on, cell after cell.
    for source, said in (
        ("incident.apply(plan.keep)", "✔ done"),
        ("incident.apply(plan.build)", "✔ done"),
        ("incident.apply(plan.restore_tree)", "✔ done"),
        ("incident.apply(plan.recreate)", "✔ done"),
        ("incident.apply(plan.recreate)", "Done already in this incident"),  # it is not done twice
        ("incident.verify(plan);", "Verified: the effect is the one asked for, and health holds."),
        ("incident.apply(plan.remember)", "✔ done"),
        ("incident.close()", "Verdict: succeeded."),
    ):
        cell(page, source).locator(".jp-InputArea-editor").click()
        page.keyboard.press("Control+Enter")
        expect(outputs(page, source)).to_contain_text(said)
    outputs(page, "incident.verify(plan);")
    page.screenshot(path=SHOTS / "4-verified.png")
    outputs(page, "incident.close()")
    page.screenshot(path=SHOTS / "5-closed.png")

    assert broken.health()[0] == 200
    assert broken.head() != bad
    record = json.loads((broken.folders()[0] / "record.json").read_text())
    assert record["verdict"] == "succeeded"
    confirmed = [json.loads(line) for line in (broken.folders()[0] / "events.jsonl").read_text().splitlines() if '"confirmed"' in line]
    assert [event["by"] for event in confirmed] == ["person"]

    # What was closed stays closed.
    container = broken.container()["Id"]
    cell(page, "incident.apply(plan.recreate)").locator(".jp-InputArea-editor").click()
    page.keyboard.press("Control+Enter")
    expect(outputs(page, "incident.apply(plan.recreate)")).to_contain_text("is closed, and its record is sealed")
    assert broken.container()["Id"] == container
    assert verify(broken.incidents).findings == ()


@pytest.mark.whole
def test_a_restarted_kernel_takes_the_incident_up_again(lab: str, page: Page, broken: Machine) -> None:
    """Between two steps, as when a laptop ran out of power: the cells are run again, in the same incident."""
    page.goto(lab)
    run_all(page)
    confirm(page, "incident.confirm", "contabo")
    for step in ("keep", "build", "restore_tree"):
        cell(page, f"incident.apply(plan.{step})").locator(".jp-InputArea-editor").click()
        page.keyboard.press("Control+Enter")
        expect(outputs(page, f"incident.apply(plan.{step})")).to_contain_text("✔ done")
    head = broken.head()
    menu(page, "Kernel", "Restart Kernel and Clear Outputs of All Cells")
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    expect(outputs(page, "incident.apply(plan.keep)")).not_to_contain_text("done")
    run_all(page)
    expect(outputs(page, "from rollback_lib.notebook")).to_contain_text("This incident was opened before")
    page.screenshot(path=SHOTS / "6-taken-up-again.png")
    expect(outputs(page, "incident.confirm")).to_contain_text("Confirmed before, in this incident")
    for step in ("keep", "build", "restore_tree"):
        expect(outputs(page, f"incident.apply(plan.{step})")).to_contain_text("Done already in this incident")
    expect(outputs(page, "incident.close()")).to_contain_text("Verdict: succeeded.")
    page.screenshot(path=SHOTS / "7-closed-after-a-restart.png")
    assert (broken.head(), broken.health()[0], len(broken.folders())) == (head, 200, 1)


def test_what_a_database_rollback_loses_is_accepted_by_a_person(clean: Machine, page: Page, tmp_path: Path) -> None:
    """Two boxes: the host's name lets it restore beside the live database, the database's name accepts the list."""
    clean.host.break_("database")
    with jupyterlab(clean, "05_database", tmp_path, "apply", database="voice") as address:
        page.goto(address)
        run_all(page)
        expect(outputs(page, "incident.apply(plan.create)")).to_contain_text("NotConfirmed: not confirmed: type the host's name")
        for number, (source, said) in enumerate(
            ((".document(database=database)", "public.assistants: 12 rows"), (".candidates(now)", "complete"),
             ("chosen = incident.examine", "It was read to its end, and it is whole."),
             ("plan = incident.plan", "public.assistants: 12 rows now, not there in the backup")), 1,
        ):  # fmt: skip
            expect(outputs(page, source)).to_contain_text(said)
            page.screenshot(path=SHOTS / f"05_database-{number}.png")
        confirm(page, "incident.confirm(plan, confirm)", "contabo")

        def run(source: str, said: str) -> None:
            cell(page, source).locator(".jp-InputArea-editor").click()
            page.keyboard.press("Control+Enter")
            expect(outputs(page, source)).to_contain_text(said)

        for step in ("create", "restore", "prepare"):
            run(f"incident.apply(plan.{step})", "✔ done")
        run("losses = incident.look(", "3 of 4 tables differ.")
        page.screenshot(path=SHOTS / "05_database-5.png")
        run("incident.accept(plan, losses", "Type dyniq to accept what the list above says is lost")
        run("incident.apply(plan.swap)", "NotConfirmed: not accepted: type the database's name")
        page.screenshot(path=SHOTS / "05_database-6.png")
        assert clean.health()[0] == 500
        confirm(page, "incident.accept(plan, losses", "dyniq")
        run("incident.apply(plan.swap)", "✔ done")
        run("incident.apply(plan.reconnect)", "Not needed: every route passes by itself.")
        run("incident.verify(plan);", "Verified: the effect is the one asked for, and health holds.")
        page.screenshot(path=SHOTS / "05_database-7.png")
        run("incident.look(databases.kept", "3 of 4 tables differ.")
        page.screenshot(path=SHOTS / "05_database-8.png")
        run("incident.apply(plan.remember)", "✔ done")
        run("incident.close()", "Verdict: succeeded.")
        page.screenshot(path=SHOTS / "05_database-9.png")
    assert clean.health()[0] == 200


@pytest.mark.whole
def test_everything_that_was_deployed_at_once_comes_back_by_clicking(clean: Machine, page: Page, tmp_path: Path) -> None:
    subprocess.run([BIN / "rollback", "mark", "--stack", clean.stack], env=clean.env(), check=True, capture_output=True)
    good = clean.head()
    clean.host.break_("release")
    with jupyterlab(clean, "10_release", tmp_path, "apply") as address:
        page.goto(address)
        run_all(page)
        for number, (source, said) in enumerate(
            (("now = incident.document(", "Not healthy: agents-api."), (".candidates(now)", "Caddyfile: +1 −1 lines"),
             ("chosen = incident.examine", "Brings back: commit"), ("plan = incident.plan", "Reload Caddy: changes the stack")), 1,
        ):  # fmt: skip
            expect(outputs(page, source)).to_contain_text(said)
            page.screenshot(path=SHOTS / f"10_release-{number}.png")
        assert clean.health()[0] == 502
        # By the keyboard alone: Run All has passed the gate, and brings the person back to it.
        gate = cell(page, "incident.confirm")
        expect(gate.locator("input[type=text]")).to_be_focused()
        expect(gate.locator("input[type=text]")).to_be_in_viewport()
        page.keyboard.type("contabo")
        page.keyboard.press("Enter")
        expect(gate.get_by_role("button", name="Run the cells below")).to_be_focused()
        page.screenshot(path=SHOTS / "10_release-confirmed.png")
        page.keyboard.press("Enter")
        expect(outputs(page, "incident.verify(plan);")).to_contain_text("Verified: the effect is the one asked for, and health holds.")
        page.screenshot(path=SHOTS / "10_release-5.png")
        expect(outputs(page, "incident.close()")).to_contain_text("Verdict: succeeded.")
        page.screenshot(path=SHOTS / "10_release-6.png")
    assert (clean.head(), clean.health()[0]) == (good, 200)


def confirm(page: Page, source: str, word: str) -> None:
    gate = outputs(page, source)
    gate.locator("input[type=text]").fill(word)
    gate.get_by_role("button", name="Confirm").click()
    expect(gate).to_contain_text("Confirmed. Run the cells below")


def test_triage_leads_to_the_notebook_that_fits_filled_in(clean: Machine, page: Page, tmp_path: Path) -> None:
    clean.host.break_("code")
    # Where JupyterLab can open it: in the folder that it serves.
    machine = Machine(clean.host, tmp_path / "work" / "incidents")
    before = clean.listing()
    with jupyterlab(machine, "00_triage", tmp_path, "plan") as address:
        page.goto(address)
        run_all(page)
        expect(outputs(page, "run.close()")).to_contain_text("Verdict: looked.")
        seen = (
            ("now = run.document()", "what it answers past the proxy"),
            ("found = triage.diagnose", "Bad code deploy; roll back with code"),
            ("offer(run, found", "the code rollback"),
        )
        for number, (source, said) in enumerate(seen, 1):
            expect(outputs(page, source)).to_contain_text(said)
            page.screenshot(path=SHOTS / f"00_triage-{number}.png")
        expect(outputs(page, "offer(run, found").get_by_role("link")).to_have_text(
            [re.compile("to plan$"), re.compile("to apply: it stops")]
        )
        outputs(page, "offer(run, found").get_by_role("link").first.click()
        opened = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        expect(opened.locator(".jp-CodeCell").first).to_contain_text(re.compile(r'target: str = "[0-9a-f]{40}"'))
        expect(opened.locator(".jp-CodeCell").first).to_contain_text('mode: str = "plan"')
        page.screenshot(path=SHOTS / "00_triage-4.png")
        page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab").filter(has_text="00_triage").click()
        outputs(page, "offer(run, found").get_by_role("link").last.click()
        expect(opened.locator(".jp-CodeCell").first).to_contain_text('mode: str = "apply"')
    assert clean.listing() == before
