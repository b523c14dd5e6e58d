"""`rollback incidents`: what it prints of many records."""

import json
from pathlib import Path

import pytest

from rollback_lib.cli import main
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
