"""`rollback incidents stats`: a table, JSON or a page, of the records that were asked for."""

import json
from pathlib import Path

import pytest

from rollback_lib.cli import main
from rollback_lib.record.folder import ROOT_VARIABLE
from rollback_lib.record.manifest import seal
from tests.builders.sealed import begin


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "incidents"
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    for stack in ("shop", "other"):
        folder = begin(root, stack=stack)
        folder.write_record({**folder.record(), "verdict": "succeeded", "changed": True, "healthy_seconds": 12.5, "practice": False})
        seal(folder.path, root, folder.record())
    return root


def said(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    assert main(["incidents", "stats", *words]) == status
    out, err = capsys.readouterr()
    return out + err


def test_it_tells_of_the_records_that_were_asked_for(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "code       2     2          0         0       0        2  12.5 s" in said(capsys)
    assert "code       1     1          0         0       0        1  12.5 s" in said(capsys, "--stack", "shop")
    assert said(capsys, "--since", "9999-01-01").startswith("No record.")
    assert json.loads(said(capsys, "--json", "--until", "2000-01-01"))["records"] == 0
    told = json.loads(said(capsys, "--json"))
    assert told["needed"][0]["healing"] == {
        "known": 2, "median": 12.5, "worst": 12.5, "incident": told["needed"][0]["healing"]["incident"], "trend": None,
    }  # fmt: skip


def test_a_page_is_written_or_it_is_said_why_not(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "page.html"
    assert said(capsys, "-o", str(file), "--stack", "shop") == f"The page is {file}.\n"
    assert "Rollbacks of shop" in file.read_text()
    assert "give another path with -o" in said(capsys, "-o", str(tmp_path / "none" / "page.html"), status=2)
