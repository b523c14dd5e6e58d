"""Cells that fail, in a real kernel: nothing that leaves the kernel contains a secret, whatever is raised and wherever."""

import json
import secrets
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from rollback_lib.headless import runner
from rollback_lib.headless.process import CellProcess
from rollback_lib.headless.signals import Signals
from rollback_lib.record.folder import Folder
from rollback_lib.secrets.redactor import HIDDEN

PLANTED = "PLANTED_VALUE"
PREPARE = f"""
import asyncio, os, subprocess
from rollback_lib.notebook import errors, redaction
from rollback_lib.secrets.redactor import Redactor
secret = os.environ["{PLANTED}"]
redactor = Redactor()
redactor.protect([secret])
redaction.hide(redactor)
errors.in_words(lambda _: [])
errors.in_words(lambda error: [("host", "nothing was changed")])
"""
FAILURES = {
    "ValueError": "raise ValueError(secret)",
    "KeyError": "{}[secret]",
    "FileNotFoundError": "open('/none/' + secret)",
    "CalledProcessError": "subprocess.run(['false', secret], check=True)",
    "RuntimeError": "raise RuntimeError('for a reason') from ValueError(secret)",
    "ExceptionGroup": "raise ExceptionGroup(secret, [ValueError(secret)])",
    "BaseExceptionGroup": "raise BaseExceptionGroup(secret, [KeyboardInterrupt(secret)])",
    "CancelledError": "raise asyncio.CancelledError(secret)",
    "KeyboardInterrupt": "raise KeyboardInterrupt(secret)",
    "SystemExit": "raise SystemExit(secret)",
    "SyntaxError": "exec(f'a b {secret}')",
    "Odd": "class Odd(Exception):\n    def __str__(self):\n        raise ValueError(secret)\nraise Odd",
    "ZeroDivisionError": "class Shown:\n    def _repr_html_(self):\n        raise ZeroDivisionError(secret)\nShown()",
    "LookupError": "def rows(_):\n    raise OSError(secret)\nerrors.in_words(rows)\nraise LookupError(secret)",
}


@pytest.fixture(scope="module")
def ran() -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
    """The secret; the executed notebook with a cell for each failure; and the kernel's replies to these cells."""
    secret, replies = f"planted-{secrets.token_hex(8)}", []
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in (PREPARE, *FAILURES.values())])
    client = NotebookClient(notebook, kernel_name="python3", allow_errors=True)
    client.on_cell_error = lambda cell, cell_index, execute_reply: replies.append(execute_reply)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PLANTED, secret)
        client.execute()
    return secret, notebook, replies


@pytest.mark.parametrize("name", FAILURES)
def test_no_error_has_a_secret(ran: tuple[str, dict[str, Any], list[dict[str, Any]]], name: str) -> None:
    secret, notebook, _ = ran
    cell = notebook["cells"][1 + list(FAILURES).index(name)]
    error, *_ = [output for output in cell["outputs"] if output["output_type"] == "error"]
    assert error["ename"] == name
    assert HIDDEN in json.dumps(cell["outputs"], ensure_ascii=False)
    assert secret not in json.dumps(cell["outputs"])


def test_what_the_kernel_replies_has_none_either(ran: tuple[str, dict[str, Any], list[dict[str, Any]]]) -> None:
    secret, _, replies = ran
    assert {reply["content"]["ename"] for reply in replies} >= set(FAILURES) - {"Odd", "ZeroDivisionError"}
    assert HIDDEN in json.dumps(replies, default=str, ensure_ascii=False)
    assert secret not in json.dumps(replies, default=str)


def test_a_run_of_a_notebook_that_fails_keeps_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner is another process than the kernel, and knows none."""
    secret = f"planted-{secrets.token_hex(8)}"
    monkeypatch.setenv(PLANTED, secret)
    cells = [nbformat.v4.new_code_cell(source) for source in (PREPARE, "raise ValueError(f'it is {secret}')")]
    source = tmp_path / "source.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}), source)
    folder = Folder.create("code", tmp_path)
    with Signals() as signals:
        process = CellProcess(None, signals)
        try:
            runner._execute(source, folder.path / "notebook.ipynb", folder, {}, process, signals)
        finally:
            process.kill()
    (failed,) = folder.events()
    assert (failed["event"], failed["type"], failed["error"]) == ("cell-failed", "ValueError", f"it is {HIDDEN}")
    assert secret not in "".join(file.read_text() for file in folder.path.iterdir())
