"""Which folder is the runbook folder."""

from pathlib import Path

import pytest

from rollback_lib import settings
from rollback_lib.errors import NoRunbookFolder
from rollback_lib.settings import HOME_VARIABLE, PROJECT, home
from rollback_lib.stack.values import local_path
from tests.builders.runbook_folder import runbook_folder


@pytest.fixture(autouse=True)
def unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(HOME_VARIABLE, raising=False)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As from a wheel: there is no clone."""
    monkeypatch.setattr(settings, "SHIPPED", tmp_path / "shipped")


def test_the_nearest_from_the_current_folder_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outer, inner = runbook_folder(tmp_path), runbook_folder(tmp_path / "notebooks" / "inner")
    monkeypatch.chdir(outer / "parameters")
    assert home() == outer
    monkeypatch.chdir(inner / "notebooks")
    assert home() == inner
    assert local_path("ssh_config") == inner / "ssh_config"


def test_the_one_that_is_named_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, named = runbook_folder(tmp_path / "here"), runbook_folder(tmp_path / "named")
    monkeypatch.chdir(here)
    monkeypatch.setenv(HOME_VARIABLE, "../named")
    assert home() == named


def test_one_that_is_named_and_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    with pytest.raises(NoRunbookFolder, match=f"ROLLBACK_HOME is {tmp_path}, which has no notebooks/ and parameters/"):
        home()


@pytest.mark.parametrize("folder", ["/", "notebooks"])
def test_a_clone_is_found_from_everywhere(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT / folder)
    assert home() == PROJECT


def test_a_clone_is_found_from_a_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert home() == PROJECT


@pytest.mark.usefixtures("installed")
def test_where_there_is_none_one_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoRunbookFolder, match="there is no runbook folder here; `rollback init` makes one") as refused:
        home()
    assert refused.value.status == 2


@pytest.mark.usefixtures("installed")
def test_what_others_put_into_a_place_for_everybody_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everybodys = runbook_folder(tmp_path / "tmp")
    (everybodys / "mine").mkdir()
    monkeypatch.chdir(everybodys / "mine")
    assert home() == everybodys
    everybodys.chmod(0o1777)
    with pytest.raises(NoRunbookFolder):
        home()
