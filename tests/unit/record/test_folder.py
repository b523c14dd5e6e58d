"""The record: private, whole, true when a run was killed."""

import json
import stat
from pathlib import Path

import pytest

from rollback_lib.headless.runner import _settle
from rollback_lib.record.folder import Folder
from rollback_lib.record.history import usual_seconds
from rollback_lib.record.manifest import seal
from rollback_lib.record.state import RunState
from rollback_lib.record.verdict import Verdict
from rollback_lib.secrets.redactor import HIDDEN
from rollback_lib.settings import version


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.create("code", tmp_path)


def test_folder_and_files_are_private(folder: Folder) -> None:
    folder.event("open")
    folder.write("plan.sh", "true\n")
    folder.write_record({"verdict": "unknown"})
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.path.iterdir()} == {0o600}


def test_no_secret_is_kept_and_the_record_stays_json(folder: Folder) -> None:
    folder.event("said", lines=['{"password": "hunter22hunter"}'])
    folder.write_record({"reason": 'token="hunter22hunter"', "password": "x"})
    assert "hunter22hunter" not in "".join(file.read_text() for file in folder.path.iterdir())
    assert json.loads((folder.path / "record.json").read_text())


def test_every_record_names_the_version_of_its_run(folder: Folder) -> None:
    folder.write_record({"verdict": "planned"})
    assert folder.record()["version"] == version() != ""
    folder.write_record({**folder.record(), "version": "0.0.9"})  # as it is sealed again by a later version
    assert folder.record()["version"] == "0.0.9"


def test_a_version_is_not_hidden_where_a_secret_is_like_it(folder: Folder) -> None:
    folder.redactor.protect([version()])
    folder.write_record({"verdict": "planned", "reason": f"see {version()}"})
    assert (folder.record()["version"], folder.record()["reason"]) == (version(), f"see {HIDDEN}")


def test_a_last_event_cut_short_is_left_out(folder: Folder) -> None:
    folder.event("open")
    with (folder.path / "events.jsonl").open("a") as file:
        file.write('{"event": "step-be')
    assert [event["event"] for event in folder.events()] == ["open"]


@pytest.mark.parametrize(("steps", "verdict"), [([], Verdict.ABORTED), (["keep", "recreate"], Verdict.UNKNOWN)])
def test_a_killed_run_says_what_is_known(folder: Folder, steps: list[str], verdict: Verdict) -> None:
    folder.write_record({"verdict": "unknown", "reason": "the run has not ended"})
    for step in steps:
        folder.event("step-begin", step=step, job=step, plan="abc", touches=True)
    _settle(folder)
    record = folder.record()
    assert record["verdict"] == verdict
    assert not steps or steps[-1] in record["reason"]


def test_usual_time_is_that_of_successful_runs_of_the_same_stack(tmp_path: Path) -> None:
    for verdict, stack, seconds in (("succeeded", "a", 3), ("refused", "a", 1), ("succeeded", "b", 9)):
        folder = Folder.create("code", tmp_path)
        seal(folder.path, tmp_path, {"procedure": "code", "verdict": verdict, "stack": stack, "seconds": seconds})
    assert usual_seconds(tmp_path, "code", "a") == [3.0]


def test_every_verdict_has_an_exit_status() -> None:
    assert {verdict.status for verdict in Verdict} == {0, 3, 4, 5, 6, 7}


def test_bytes_and_other_objects_never_slip_past_the_redaction(tmp_path: Path) -> None:
    folder = Folder.create("code", tmp_path)
    folder.event("facts", content=b"PASSWORD=hunter22", nested={"path": tmp_path / "token=hunter22"}, rows=[(b"hunter22", None, 1.5, True)])
    text = (folder.path / "events.jsonl").read_text()
    assert "hunter22" not in text
    assert json.loads(text)["rows"] == [["‹8 bytes›", None, 1.5, True]]


def test_words_of_ours_are_not_hidden_where_a_secret_is_such_a_word(folder: Folder) -> None:
    folder.redactor.protect(["recreate", "failed-partly", "done", "start"])
    folder.event("step-begin", step="recreate", job="recreate", plan="abc", touches=True, commands=["echo recreate"])
    folder.event("told", word="start", to="chat", ok=True, error="")
    folder.write_record({"verdict": "failed-partly", "steps": {"recreate": "done"}, "reason": "recreate failed"})
    state = RunState.of(folder.events())
    assert (state.begun, state.told) == ({"recreate": None}, "start")
    assert folder.events()[0]["commands"] == [f"echo {HIDDEN}"]
    told = {"verdict": "failed-partly", "steps": {"recreate": "done"}, "reason": f"{HIDDEN} failed"}
    assert folder.record() == {**told, "version": version()}
