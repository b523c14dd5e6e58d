"""`rollback incidents`: what it prints of many records."""

import json
from pathlib import Path

import pytest

from rollback_lib.cli import main
from rollback_lib.record.files import file_hash
from rollback_lib.record.folder import ROOT_VARIABLE
from tests.builders.sealed import begin, record


def test_a_list_has_the_newest_unless_all_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    monkeypatch.setattr("rollback_lib.cli.incidents._MOST", 2)
    made = [begin(tmp_path).id for _ in range(3)]
    assert main(["incidents", "list"]) == 0
    said = capsys.readouterr()
    assert [line.split()[0] for line in said.out.splitlines()[1:]] == made[:0:-1]
    assert "These are the newest 2" in said.err
    assert main(["incidents", "list", "--all"]) == 0
    said = capsys.readouterr()
    assert (len(said.out.splitlines()), said.err) == (4, "")


def test_two_records_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    one, other = record(tmp_path, stack="shop"), record(tmp_path, stack="bank")
    assert main(["incidents", "diff", one.id, other.id]) == 0
    assert "  ● stack\n    - shop\n    + bank\n" in capsys.readouterr().out
    assert main(["incidents", "diff", one.id, other.id, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"name": "stack", "first": "shop", "second": "bank"} in told["parts"][0]["differences"]
    assert main(["incidents", "diff", one.id, "none"]) == 2


def test_a_draft_has_the_runs_at_its_outage_and_the_hash_of_its_seal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "incidents"
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    failed, mended = record(root, verdict="failed-partly", reason="no space left"), record(root)
    looked = record(root, procedure="triage", verdict="looked")
    file = tmp_path / "draft.md"
    assert main(["incidents", "postmortem", mended.id, "-o", str(file)]) == 0
    assert capsys.readouterr().out.startswith(f"The draft is {file}, its pictures are ")
    text = file.read_text()
    assert f"| {failed.id} | code |  | failed-partly | no space left |" in text
    assert f"| **{mended.id}** | code |" in text
    assert f"`{file_hash(mended.path / 'manifest.json')}`" in text
    assert main(["incidents", "postmortem", looked.id]) == 2
    assert "name the rollback that came of it" in capsys.readouterr().err
    assert main(["incidents", "postmortem", mended.id, "-o", str(tmp_path / "draft.svg")]) == 2
    assert "give the draft a name that ends in .md" in capsys.readouterr().err
    (failed.path / "record.json").unlink()
    for action in ("postmortem", "report"):
        assert main(["incidents", action, failed.id, "-o", str(tmp_path / "none.md")]) == 2
        assert "has no record.json that can be read" in capsys.readouterr().err
