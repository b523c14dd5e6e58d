"""The outcome as a script reads it: every key that docs/terminal.md describes, and no other."""

import json
import re
from pathlib import Path

import pytest

from rollback_lib.record.folder import Folder
from rollback_lib.settings import PROJECT
from rollback_lib.terminal.ended import Ended
from tests.builders import stories
from tests.builders.stories import ID, LOST, PLAN, TARGET


def test_what_a_script_reads_of_an_apply(tmp_path: Path) -> None:
    folder = stories.applied(tmp_path)
    data = json.loads(json.dumps(Ended(folder, 10.0).data()))
    assert data.pop("next")[0] == stories.NOTE
    assert data == {
        "verdict": "succeeded", "status": 0, "reason": "the effect is the one asked for, and every route is healthy", "error": None,
        "incident": ID,
        "folder": str(folder.path), "seconds": 10.0, "budget": 60.0, "plan": PLAN.hash, "target": TARGET,
        "steps": [{"name": step.name, "state": "done", "seconds": 1.5} for step in PLAN.steps], "losses": [LOST], "findings": [],
        "checklist": [{"name": "people", "question": "Is everyone affected told?", "answer": "nobody is notified", "required": False}],
        "undo": f"rollback undo {ID}",
    }  # fmt: skip


def test_what_triage_found(tmp_path: Path) -> None:
    data = Ended(stories.diagnosed(tmp_path)).data()
    assert data["findings"] == [stories.CAUSE, stories.ROW]
    assert (data["plan"], data["target"], data["steps"], data["undo"], data["seconds"]) == (None, None, [], None, 9.5)


def test_a_step_that_did_not_run_has_no_seconds(tmp_path: Path) -> None:
    data = Ended(stories.failed(tmp_path)).data()
    assert [(one["name"], one["seconds"]) for one in data["steps"]] == [("keep", 1.5), ("restore_tree", 1.5), ("recreate", None)]
    assert (data["status"], data["undo"]) == (5, f"rollback undo {ID}")


@pytest.mark.parametrize("made", [stories.planned, stories.diagnosed])
def test_what_changed_nothing_has_no_undo(tmp_path: Path, made: object) -> None:
    assert Ended(made(tmp_path)).undo is None


def test_the_kind_of_error_that_ended_it_is_told(tmp_path: Path) -> None:
    record = stories.Record(tmp_path)
    record.looked()
    record.event("error", cell="apply", type="Locked", error="anna holds the stack")
    record.close("refused", "anna holds the stack", 3)
    assert Ended(Folder(record.folder.path)).data()["error"] == "Locked"
    record.event("resumed")
    assert Ended(Folder(record.folder.path)).data()["error"] is None


def test_a_run_that_was_killed_before_it_wrote_its_record_has_not_ended(tmp_path: Path) -> None:
    record = stories.Record(tmp_path)
    record.looked()
    assert Ended(Folder(record.folder.path)).sentence == "unknown: the run has not ended"


def test_every_key_is_described(tmp_path: Path) -> None:
    page = (PROJECT / "docs" / "terminal.md").read_text()
    described = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    data = Ended(stories.applied(tmp_path)).data()
    inner = {*data["steps"][0], *data["checklist"][0], *stories.CAUSE, *stories.ROW}
    assert data.keys() <= described <= data.keys() | inner
