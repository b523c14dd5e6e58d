"""The outputs in notebooks/ are what the notebooks show: run again under nbval, on a host that is broken in the same way.

What may differ between two runs is taken out by tests/nbval.cfg; no cell is left out.
"""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from lab import reference
from rollback_lib.record.folder import ROOT_VARIABLE
from rollback_lib.settings import PROJECT
from tests.machine import Machine

# Ports that are free when a kernel is given them may be taken when it binds them, on a machine with more to do. The grammar that
# rfc3987_syntax compiles when it is imported, for a second, is of addresses in JSON schemas; notebooks have none.
PYTEST = """
import sys
sys.modules["rfc3987_syntax"] = None
import jupyter_client, pytest
jupyter_client.KernelManager.transport.default_value = "ipc"
raise SystemExit(pytest.main())
"""
NBVAL = ["-p", "nbval.plugin", "--nbval", "--nbval-current-env", "--nbval-sanitize-with", PROJECT / "tests" / "nbval.cfg"]
# A busy machine overruns the budgets of env and caddyfile, 10 and 5 s, and the notebooks say that they were kept.
HURRIED = ("env", "caddyfile")
OFTEN = ("triage", "code", "release")  # `make long` has the others as well
DRILLS = [
    pytest.param(name, marks=[pytest.mark.quiet] * (name in HURRIED) + [pytest.mark.whole] * (name not in OFTEN))
    for name in reference.RECORDED
]
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


@pytest.fixture
def records(clean: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(clean.incidents))


def as_committed(procedure: str, parameters: dict[str, str]) -> Path:
    """A copy of the notebook with these parameters and the outputs with which it was committed."""
    file = reference.copy(procedure, parameters)
    content = json.loads(file.read_text())
    for cell in content["cells"]:
        # nbval runs cells outside the history, where IPython does not see the semicolon that keeps a value from being shown.
        if cell["cell_type"] == "code" and cell["source"][-1].endswith(";"):
            cell["source"][-1] = f"_ = {cell['source'][-1]}"
    reference.take_outputs(json.loads(reference.known()[procedure].file.read_text()), content)
    file.write_text(reference.layout(content))
    return file


def compared(file: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", PYTEST, *NBVAL, "-vvv", "--color=no", "-p", "no:cacheprovider", file]
    return subprocess.run(argv, cwd=file.parent, capture_output=True, text=True, timeout=170)


@pytest.mark.usefixtures("records")
@pytest.mark.parametrize("procedure", DRILLS)
def test_a_drill_shows_what_the_notebook_has(clean: Machine, procedure: str) -> None:
    done = compared(as_committed(procedure, reference.prepare(clean.host, procedure)))
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_output_that_says_something_else_is_refused(tmp_path: Path) -> None:
    """Without a host, which the comparison knows nothing of."""
    file = tmp_path / "small.ipynb"
    source = json.dumps("Verdict: succeeded. 1.5 s, within the budget")
    for said, status in (("Verdict: succeeded. 2.5 s, within the budget", 0), ("Verdict: restored. 1.5 s, within the budget", 1)):
        kept = nbformat.v4.new_output("stream", name="stdout", text=f"{said}\n")
        cell = nbformat.v4.new_code_cell(f"print({source})", outputs=[kept], execution_count=1)
        nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=KERNEL), file)
        done = compared(file)
        assert (done.returncode, "Cell outputs differ" in done.stdout) == (status, status == 1), done.stdout
