"""`rollback open` starts JupyterLab so that its kernels know the runbook folder."""

import os
from pathlib import Path
from typing import Any

import pytest

from rollback_lib.cli import main
from rollback_lib.jupyterlab import server
from rollback_lib.runbook.new_folder import make
from rollback_lib.settings import HOME_VARIABLE


def test_kernels_know_the_runbook_folder_also_where_records_are_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, served = tmp_path / "runbooks", list[tuple[Any, ...]]()
    make(folder)
    monkeypatch.setenv(HOME_VARIABLE, "to be put back")
    monkeypatch.delenv(HOME_VARIABLE)
    monkeypatch.setenv("ROLLBACK_INCIDENTS", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(server, "serve", lambda *what, **_: served.append(what))
    monkeypatch.chdir(folder / "notebooks")
    assert main(["open", "code", "--stack", "example", "--no-browser"]) == 0
    assert os.environ[HOME_VARIABLE] == str(folder)
    ((page, root, *_),) = served
    assert page.name == "working.ipynb"
    assert page.is_relative_to(root)
    assert root == (tmp_path / "elsewhere").resolve()
