"""From `rollback open` to the first table of the state, in a real JupyterLab and a real browser: seconds until each phase has ended.

    .venv/bin/python -m bench.opening [--rounds N]

The browser runs already, as a person's does, but it has loaded nothing of JupyterLab.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from lab.practice_host import PracticeHost

CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ADDRESS = re.compile(rb"http://127\.0\.0\.1:\S+token=\w+")
# What is opened: the words of the command, the cell that shows the state, and a part of what it shows.
CASES = {
    "the start page": ([], "start.state(stack)", "what users get"),
    "code, every cell run": (["code"], "now = incident.document()", "ealthy"),
}
expect.set_options(timeout=60_000)  # milliseconds


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    rounds = options.parse_args().rounds
    host = PracticeHost("bench", 22222, 22643)
    host.up()
    try:
        for name in CASES:
            measured = [seconds(host.folder / "stack.yaml", name) for _ in range(rounds + 1)][1:]  # the first only warms caches
            print(f"\n| {name}, median of {rounds} | seconds since the command |\n|---|---|")
            for phase in measured[0]:
                taken = [each[phase] for each in measured]
                print(f"| {phase} | {statistics.median(taken):.2f} ({min(taken):.2f} to {max(taken):.2f}) |")
    finally:
        host.down()
    return 0


def seconds(stack: Path, case: str) -> dict[str, float]:
    """Open a case, and return how many seconds after the command each phase had ended: the server answers, the page of the browser shows
    the notebook, its kernel is idle, and the table of the state is seen."""
    words, source, said = CASES[case]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        started = time.monotonic()
        with _opened(stack, Path(folder), words) as address:
            ended = {"server": time.monotonic() - started}
            for phase in _phases(_page(browser), address, source, said, run=bool(words)):
                ended[phase] = time.monotonic() - started
        browser.close()
    return ended


def _page(browser: Browser) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(60_000)
    return page


def _phases(page: Page, address: str, source: str, said: str, *, run: bool) -> Iterator[str]:
    """The phases in the browser; each is returned when it has ended. With `run`, every cell is run once the kernel is idle."""
    page.goto(address)
    cell = page.locator(".jp-CodeCell").filter(has=page.locator(".jp-InputArea", has_text=source)).first
    expect(cell).to_be_visible()
    yield "notebook"
    if run:
        expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()
        yield "kernel"
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.locator(".lm-Menu-item", has_text=re.compile("^Run All Cells")).first.click()
    expect(cell.locator(".jp-OutputArea")).to_contain_text(said)
    yield "table"


@contextmanager
def _opened(stack: Path, folder: Path, words: list[str]) -> Iterator[str]:
    """Run `rollback open` as a person does, and end it afterwards. Yields the address that JupyterLab prints."""
    env = {**os.environ, "ROLLBACK_INCIDENTS": str(folder / "incidents"), "JUPYTER_CONFIG_DIR": str(folder / "config")}
    argv = [Path(sys.executable).parent / "rollback", "open", *words, "--stack", stack, "--no-browser"]
    log = folder / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(argv, env=env, stdout=out, stderr=out)
    try:
        while not (printed := ADDRESS.search(log.read_bytes())):
            if server.poll() is not None:
                raise SystemExit(f"rollback open ended: {log.read_text()}")
            time.sleep(0.01)
        yield printed[0].decode()
    finally:
        server.terminate()
        server.wait(30)


if __name__ == "__main__":
    sys.exit(main())
