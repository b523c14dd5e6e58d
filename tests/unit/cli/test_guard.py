"""What `rollback guard` gives to the rollback that it starts."""

from pathlib import Path
from typing import Any

import pytest

from rollback_lib.cli import _parser, guard, runs
from rollback_lib.headless.runner import Outcome
from rollback_lib.procedures.guard import RolledBack, WayBack
from rollback_lib.record.folder import Folder
from rollback_lib.record.verdict import Verdict


def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: WayBack, *words: str) -> tuple[dict[str, Any], RolledBack]:
    """The parameters with which its notebook is run, and what the guard hears of it."""
    given: dict[str, Any] = {}
    folder = Folder.create(way.procedure, tmp_path)
    folder.write_record({"plan": "0123456789ab"})

    def run(procedure: str, parameters: dict[str, Any], **_: object) -> Outcome:
        given.update(parameters, procedure=procedure)
        return Outcome(Verdict.PLANNED, "planned only", folder.path, 1.0, 60.0)

    monkeypatch.setattr(runs, "run_notebook", run)
    arguments = _parser().parse_args(["guard", "--stack", "shop", "--for", "10m", "--json", *words])
    return given, guard._roll_back(arguments)(way)


APPLY = ("--apply", "--confirm", "contabo", "--checked", "people")


def test_the_rollback_is_only_planned_unless_it_is_to_be_applied(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    way = WayBack("code", "why", {"target": "7777777"}, "guard 3f2a9c: it did not hold")
    given, heard = started(monkeypatch, tmp_path, way)
    assert (given["procedure"], given["stack"], given["mode"], given["target"]) == ("code", "shop", "plan", "7777777")
    assert given["reason"] == "guard 3f2a9c: it did not hold"
    assert (heard.verdict, heard.plan, heard.incident) == (Verdict.PLANNED, "0123456789ab", heard.folder.name[-6:])
    given, _ = started(monkeypatch, tmp_path, way, *APPLY)
    assert (given["mode"], given["confirm"], given["checked"]) == ("apply", "contabo", "people")


def test_what_loses_data_is_only_planned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given, _ = started(monkeypatch, tmp_path, WayBack("database", "why", {"database": "voice"}), *APPLY)
    assert (given["mode"], given["database"]) == ("plan", "voice")
    assert "accept_loss" not in given


def test_a_release_rollback_loses_none_as_no_database_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given, _ = started(monkeypatch, tmp_path, WayBack("release", "why", {"to": "4a7f20"}), *APPLY)
    assert (given["mode"], given["to"]) == ("apply", "4a7f20")
    assert "databases" not in given
