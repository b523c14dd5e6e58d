"""How long this project takes to start: the command line, a check, and a run until its first cell."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench.peers import BIN
from bench.results import Taken
from bench.site import Site
from rollback_lib.errors import LabError

BESIDE = "python -c pass"  # nothing of this project can be faster


def start(site: Site, rounds: int) -> Iterator[Taken]:
    """On a clean host. The run only looks and plans."""
    quick = {
        BESIDE: [str(BIN / "python"), "-c", "pass"],
        "rollback --version": [str(BIN / "rollback"), "--version"],
        "rollback run --help": [str(BIN / "rollback"), "run", "--help"],
        "rollback check": site.peers.rollback("check"),
    }
    for _ in range(rounds):
        for name, words in quick.items():
            yield name, site.run(words)
        yield "rollback run code", _plan(site)


def triage(site: Site, rounds: int) -> Iterator[Taken]:
    """On a host with a bad commit. The first round counts, too: nothing is kept between two runs."""
    site.host.break_("code")
    for _ in range(rounds):
        yield "rollback run triage", site.run(site.peers.rollback("run", "triage"))


def _plan(site: Site) -> dict[str, float]:
    """A run that plans: its `seconds`, and those until its first cell began, `first_cell`."""
    began = time.time()
    taken = site.run(site.peers.rollback("run", "code"))
    return taken | {"first_cell": first_cell(site.peers.newest_record()).timestamp() - began}


def first_cell(record: Path) -> datetime:
    """When the first cell of the executed notebook of a record began. Raises LabError if that is not noted."""
    cells = json.loads((record / "notebook.ipynb").read_text())["cells"]
    begun = [cell["metadata"].get("papermill", {}).get("start_time") for cell in cells if cell["cell_type"] == "code"]
    if not begun or not begun[0]:
        raise LabError(f"{record}/notebook.ipynb does not say when its first cell began")
    at = datetime.fromisoformat(begun[0])
    return at if at.tzinfo else at.replace(tzinfo=UTC)  # papermill notes UTC without saying so
