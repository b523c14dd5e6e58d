"""SIGTERM and Ctrl-C at moments that a person would hardly hit: the record is complete and true."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from rollback_lib.headless import process
from rollback_lib.settings import PROJECT
from tests.builders.stack import written

BIN = Path(sys.executable).parent

# A run that gets a signal when it calls a certain function.
RUN = """
import os, signal, sys
from rollback_lib.cli import entry
from rollback_lib.headless import process, runner

number, names = int(sys.argv.pop(1)), sys.argv.pop(1)

def telling(original):
    def told(*args, **options):
        os.kill(os.getpid(), number)
        return original(*args, **options)
    return told

for name in names.split():
    place = process.CellProcess if name == "ready" else runner
    setattr(place, name, telling(getattr(place, name)))
entry()
"""

# A notebook with two cells, and a signal just before the first one is sent to the process that runs them.
CELLS = """
import os, signal, sys
import papermill
from pathlib import Path
from rollback_lib.headless import engine, wire
from rollback_lib.headless.process import CellProcess
from rollback_lib.headless.signals import Signals

original, before = wire.write, signal.getsignal(signal.SIGINT)

def told(descriptor, kind, **content):
    if kind == "run":
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)  # more of them change nothing
    original(descriptor, kind, **content)

wire.write = told
with Signals() as signals:
    process = CellProcess(None, signals)
    try:
        papermill.execute_notebook(
            sys.argv[1], None, engine_name=engine.NAME, progress_bar=False, record=Path(sys.argv[2]), process=process,
            on_interrupt=lambda: None,
        )
    except Exception:
        print(signals.came)
assert signal.getsignal(signal.SIGINT) is before
process.kill()
"""


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A stack whose host accepts no connections."""
    config = tmp_path / "ssh_config"
    config.write_text("Host contabo\n  HostName 127.0.0.1\n  Port 1\n")
    return written(tmp_path / "stack.yaml", ssh_config=str(config))


@pytest.mark.parametrize(
    ("number", "where", "status", "verdict"),
    [
        (signal.SIGTERM, "CellProcess", 130, None),  # before the parameters are checked
        (signal.SIGTERM, "ready", 3, "aborted"),  # before the first cell
        (signal.SIGTERM, "_settle _page _seal", 3, "refused"),
        (signal.SIGINT, "_settle _page _seal", 3, "refused"),
    ],
)
def test_a_signal_at_any_moment_leaves_a_record_that_is_whole(
    stack: Path, tmp_path: Path, number: int, where: str, status: int, verdict: str | None
) -> None:
    environment = {**os.environ, "ROLLBACK_INCIDENTS": str(tmp_path / "incidents")}
    argv = [sys.executable, "-c", RUN, str(int(number)), where, "run", "code", "--stack", stack]
    done = subprocess.run(argv, env=environment, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr
    records = [json.loads(file.read_text()) for file in (tmp_path / "incidents").glob("[0-9]*/*/*/*/record.json")]
    assert [record["verdict"] for record in records] == ([verdict] if verdict else [])
    if verdict == "aborted":
        assert records[0]["reason"] == "the run ended before any step (SIGTERM)"
    verified = subprocess.run([BIN / "rollback", "incidents", "verify"], env=environment, capture_output=True, text=True)
    assert (verified.returncode, f"{len(records)} sealed" in verified.stdout) == (0, True), verified.stdout


def test_a_signal_just_before_a_cell_begins_interrupts_it(tmp_path: Path) -> None:
    source, record = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in ("import time; time.sleep(60)", "print('never')")]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), source)
    argv = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-c", CELLS, source, record]
    done = subprocess.run(argv, cwd=PROJECT, capture_output=True, text=True, timeout=process.INTERRUPT_SECONDS)
    assert done.stdout == "SIGTERM\n", done.stderr
    first, second = nbformat.read(record, as_version=4).cells
    assert [cell.metadata.papermill["status"] for cell in (first, second)] == ["failed", "pending"]
