"""`rollback open` starts JupyterLab so that its kernels know the runbook folder."""

import os
from pathlib import Path

import pytest

from rollback_lib.cli import main
from rollback_lib.runbook.new_folder import make
from rollback_lib.settings import HOME_VARIABLE


def test_kernels_know_the_runbook_folder_also_where_records_are_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, started = tmp_path / "runbooks", list[list[str]]()
    make(folder)
    monkeypatch.setenv(HOME_VARIABLE, "to be put back")
    monkeypatch.delenv(HOME_VARIABLE)
    monkeypatch.setenv("ROLLBACK_INCIDENTS", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(os, "execv", lambda _, argv: started.append(argv))
    monkeypatch.chdir(folder / "notebooks")
    with pytest.raises(TypeError):  # execv never returns
        main(["open", "code", "--stack", "example", "--no-browser"])
    assert os.environ[HOME_VARIABLE] == str(folder)
    (settings,) = [word.partition("=")[2] for word in started[0] if "app_settings_dir" in word]
    assert (Path(settings) / "overrides.json").exists()
