"""How long `rollback open` takes until a browser shows the state of the stack, beside JupyterLab alone with a table that was saved."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

from bench.peers import BIN
from bench.results import Taken
from bench.site import Site
from rollback_lib.errors import LabError

if TYPE_CHECKING:
    from playwright.sync_api import Page

ADDRESS = re.compile(r"http://127\.0\.0\.1:\S+token=\w+")
STATE = ".jp-OutputArea table >> text=agents-api"  # in the first table of the page
ALONE = "jupyter lab"
SAVED = "<table><tr><td>agents-api</td></tr></table>"  # what the notebook of JupyterLab alone shows; nothing is run in it
DEADLINE = 60.0  # seconds
END = 30.0  # seconds; JupyterLab ignores SIGTERM while a kernel is starting
# Without the last ones, chromium looks for hosts of its maker's at every start.
CHROMIUM = (
    "--no-sandbox", "--disable-gpu",
    "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def opening(site: Site, rounds: int) -> Iterator[Taken]:
    """The start page on a host with a bad commit, in a browser that runs already: `address` seconds until JupyterLab says where it is,
    and `seconds` until the table is visible. JupyterLab alone opens a notebook whose table was saved. The first round counts, too."""
    from playwright.sync_api import sync_playwright  # only here: it is not in the environment of who only runs the bench's tests

    site.host.break_("code")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        contenders = {"rollback open": site.peers.rollback("open", "--no-browser"), ALONE: _alone(Path(f"{site.peers.stack}.saved.ipynb"))}
        for _ in range(rounds):
            for name, words in contenders.items():
                page = browser.new_page()
                started = time.monotonic()
                with _opened(site, words) as address:
                    answered = time.monotonic()
                    _go(page, address)
                    page.locator(STATE).first.wait_for(timeout=DEADLINE * 1000)
                    seconds = time.monotonic() - started
                    page.close()
                yield name, {"seconds": seconds, "address": answered - started}
        browser.close()


def _alone(file: Path) -> list[str]:
    """The command that opens JupyterLab alone on a notebook, which is written to the file."""
    output = nbformat.v4.new_output("display_data", data={"text/html": SAVED})
    cell = nbformat.v4.new_code_cell("state", outputs=[output], execution_count=1)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), file)
    shown = (f"--ServerApp.root_dir={file.parent}", f"--LabApp.default_url=/lab/tree/{file.name}")
    return [str(BIN / "jupyter"), "lab", "--no-browser", "--allow-root", *shown]


def _go(page: "Page", address: str) -> None:
    """Load the address, which JupyterLab prints a moment before it listens there."""
    from playwright.sync_api import Error

    until = time.monotonic() + DEADLINE
    while True:
        try:
            page.goto(address)
            return
        except Error as error:
            if "ERR_CONNECTION_REFUSED" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


@contextmanager
def _opened(site: Site, words: list[str]) -> Iterator[str]:
    """Start JupyterLab as a person does, by this command, and end it afterwards. Yields the address that it prints. Raises LabError if
    it prints none."""
    environment = {**site.peers.environment(), "JUPYTER_CONFIG_DIR": f"{site.peers.stack}.jupyter"}
    with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            said = []
            for line in server.stderr:
                said.append(line)
                if found := ADDRESS.search(line):
                    yield found[0]
                    return
            raise LabError(f"`{' '.join(words[:2])}` ended without an address: {''.join(said)[-600:]}")
        finally:
            server.terminate()
            try:
                server.communicate(timeout=END)
            except subprocess.TimeoutExpired:
                server.kill()
