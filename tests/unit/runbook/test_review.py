"""What `rollback review` finds: reviews that are due, drills that were not done, and nothing else."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from rollback_lib.cli import main, pages
from rollback_lib.errors import ParameterError
from rollback_lib.record.chain import OPENED, SEALED, Chain
from rollback_lib.record.folder import Folder
from rollback_lib.runbook.metadata import Notebook, mark_reviewed, notebooks
from rollback_lib.runbook.review import standing
from rollback_lib.settings import PROJECT
from tests.builders.runbook_folder import runbook_folder

TODAY = date(2026, 12, 20)
CODE = replace(next(one for one in notebooks(PROJECT / "notebooks") if one.procedure == "code"), reviewed=date(2026, 12, 1))


def run(day: str, **more: str) -> dict[str, str]:
    """The summary of a record: a successful drill, unless `more` says otherwise."""
    return {"opened": f"{day}T10:00:00+00:00", "procedure": "code", "stack": "drill", "mode": "apply", "verdict": "succeeded", **more}


def gaps(notebook: Notebook, *records: dict[str, str], today: date = TODAY) -> list[str]:
    return [gap.words for gap in standing(notebook, records, today).gaps]


def test_a_notebook_reviewed_and_drilled_in_its_cycle_is_in_order() -> None:
    assert gaps(CODE, run("2026-12-10")) == []
    assert gaps(CODE, run("2026-12-10"), today=date(2026, 12, 31)) == []


def test_a_review_is_overdue_from_the_day_after_its_cycle() -> None:
    found = standing(CODE, [run("2026-12-30")], date(2027, 1, 1))
    assert found.due == date(2026, 12, 31)
    assert [(gap.words, gap.do) for gap in found.gaps] == [
        ("review is overdue since 2026-12-31", "read it, then rollback review --done code")
    ]
    assert gaps(replace(CODE, cycle=timedelta(days=90)), run("2026-12-30"), today=date(2027, 1, 1)) == []


def test_a_drill_is_good_to_the_last_day_of_the_cycle() -> None:
    assert gaps(CODE, run("2026-11-20")) == []
    assert gaps(CODE, run("2026-11-19")) == ["no successful run in the last 30 days"]
    assert standing(CODE, [run("2026-12-10"), run("2026-12-09")], TODAY).last == run("2026-12-10")


@pytest.mark.parametrize(
    "more",
    [{"verdict": "failed-restored"}, {"verdict": "open"}, {"verdict": "nothing-to-do"}, {"mode": "plan"}, {"procedure": "env"}],
    ids=str,
)
def test_only_a_success_that_changed_a_host_is_a_drill(more: dict[str, str]) -> None:
    found = standing(CODE, [run("2026-12-10", **more)], TODAY)
    assert found.last is None
    assert [(gap.words, gap.do) for gap in found.gaps] == [("no successful run in the last 30 days", "rollback drill code")]


def test_a_notebook_that_only_looks_has_done_so_and_is_not_drilled() -> None:
    triage = replace(CODE, procedure="triage")
    assert gaps(triage, run("2026-12-10", procedure="triage", mode="plan", verdict="looked")) == []
    failed = standing(triage, [run("2026-12-10", procedure="triage", mode="plan", verdict="unknown")], TODAY)
    assert [gap.do for gap in failed.gaps] == ["rollback run triage --stack NAME"]


def test_resume_has_no_drill_and_is_reviewed_all_the_same() -> None:
    resume = replace(CODE, procedure="resume")
    assert gaps(resume) == []
    assert gaps(resume, today=date(2027, 1, 1)) == ["review is overdue since 2026-12-31"]


def test_each_notebook_of_ours_has_its_front_matter() -> None:
    for one in notebooks(PROJECT / "notebooks"):
        assert one.procedure == one.file.stem[3:]
        assert (one.situation == "") == (one.action == "")


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two notebooks and an empty place for records, 10 days after the notebooks were reviewed."""
    folder = runbook_folder(tmp_path) / "notebooks"
    today = datetime.now(UTC).date()
    for name in ("01_code.ipynb", "09_resume.ipynb"):
        shutil.copy(PROJECT / "notebooks" / name, folder)
    for one in notebooks(folder):
        mark_reviewed(one, today - timedelta(days=10))
    monkeypatch.setenv("ROLLBACK_HOME", str(tmp_path))
    monkeypatch.setenv("ROLLBACK_INCIDENTS", str(tmp_path / "incidents"))
    monkeypatch.setattr(pages, "_today", lambda: today)
    return folder


def drill(root: Path, verdict: str) -> None:
    folder = Folder.create("code", root)
    record = {"procedure": "code", "stack": "drill", "mode": "apply", "verdict": verdict, "seconds": 2.5}
    for event in (OPENED, SEALED):
        Chain(root).enter(event, folder.path, record)


def test_the_command_says_what_to_do_and_exits_with_7_until_it_is_done(
    copies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drill(tmp_path / "incidents", "failed-restored")
    assert main(["review"]) == 7
    said = capsys.readouterr()
    _, code, resume = said.out.splitlines()
    assert code.split("  ")[0] == "01_code"
    assert code.endswith("none                 no successful run in the last 30 days: rollback drill code")
    assert resume.endswith("in order")
    assert said.err == "rollback: not in order: code; do what `rollback review` says beside each\n"

    drill(tmp_path / "incidents", "succeeded")
    assert main(["review", "--json"]) == 0
    code = json.loads(capsys.readouterr().out)[0]
    assert (code["last"]["day"], code["last"]["stack"], code["open"]) == (str(pages._today()), "drill", [])

    later = pages._today() + timedelta(days=40)
    monkeypatch.setattr(pages, "_today", lambda: later)
    assert main(["review", "--json"]) == 7
    assert [len(one["open"]) for one in json.loads(capsys.readouterr().out)] == [2, 1]


def test_done_changes_one_line_of_one_notebook(copies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {file: file.read_bytes() for file in copies.iterdir()}
    assert main(["review", "--done", "code"]) == 0
    today = pages._today()
    told = f"01_code.ipynb was reviewed on {today}; its next review is due on {today + timedelta(days=30)}. Commit it.\n"
    assert capsys.readouterr().out == told
    changed = copies / "01_code.ipynb"
    assert {file for file in copies.iterdir() if file.read_bytes() != before[file]} == {changed}
    then = str(today - timedelta(days=10)).encode()
    assert changed.read_bytes() == before[changed].replace(b'"reviewed": "' + then, b'"reviewed": "' + str(today).encode())


def test_done_of_an_unknown_procedure_names_those_there_are(copies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "--done", "cod"]) == 2
    assert capsys.readouterr().err == "rollback: there is no notebook of 'cod' to review; there are: code, resume\n"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"review_cycle": "30d"', '"review_cycle": 30', "review_cycle: a number of days such as 30d is expected, not 30; fix it"),
        ('"reviewed": "2', '"reviewed": "x', "reviewed: a day such as 2026-11-23 is expected"),
        ('"doc_owner"', '"owner"', "the key 'doc_owner' is missing; add it"),
    ],
)
def test_front_matter_that_is_wrong_is_named_with_its_file(copies: Path, old: str, new: str, words: str) -> None:
    file = copies / "01_code.ipynb"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(ParameterError, match=f"01_code.ipynb: {words}"):
        notebooks(copies)
