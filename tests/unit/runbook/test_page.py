"""The page that `rollback docs` writes: as the notebooks are, with the times of the records."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from rollback_lib.cli import main
from rollback_lib.record.chain import SEALED, Chain
from rollback_lib.record.folder import Folder
from rollback_lib.runbook.metadata import notebooks
from rollback_lib.runbook.page import markdown
from rollback_lib.settings import PROJECT
from rollback_lib.stack.model import Budgets
from tests.builders.stack import written

ALL = notebooks(PROJECT / "notebooks")
CODE, DATABASE, RESUME = (next(one for one in ALL if one.procedure == name) for name in ("code", "database", "resume"))
BUDGETS = {"code": 60.0, "database": 300.0}


def row(page: str) -> list[str]:
    """The cells of the first row of the decision tree."""
    line = next(line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| Situation"))
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def without_times(page: str) -> str:
    """The page as it would be without records."""
    measured = r"median \S+ s, worst \S+ s in \d+ runs?"
    return re.sub(measured, "no run yet", re.sub(rf"{measured}; (budget \S+ s)", r"\1, no run yet", page))


def test_the_page_in_docs_is_what_the_notebooks_say() -> None:
    file = PROJECT / "docs" / "rollback-procedures.md"
    made = markdown(ALL, {}, Budgets().model_dump(), file.parent)
    assert without_times(file.read_text()) == made, "the notebooks have changed since docs/rollback-procedures.md: run `rollback docs`"
    assert without_times(markdown(ALL, {one.procedure: [2.5, 3] for one in ALL}, Budgets().model_dump(), file.parent)) == made


def test_every_row_of_the_page_in_docs_says_how_long_a_rollback_took() -> None:
    rows = [line for line in (PROJECT / "docs" / "rollback-procedures.md").read_text().splitlines() if "](../notebooks/" in line]
    assert len(rows) == len([one for one in ALL if one.situation])
    assert [line for line in rows if not re.search(r"median \S+ s, worst \S+ s in \d+ runs?; budget", line)] == [], (
        "run `rollback drill`, then `rollback docs`"
    )


@pytest.mark.parametrize(
    ("seconds", "budgets", "time"),
    [
        ([2.0, 4.14, 2.7], BUDGETS, "median 2.7 s, worst 4.1 s in 3 runs; budget 60 s"),
        ([2.0], {"code": 7.5}, "median 2.0 s, worst 2.0 s in 1 run; budget 7.5 s"),
        ([], BUDGETS, "budget 60 s, no run yet"),
        ([2.0], {}, "median 2.0 s, worst 2.0 s in 1 run"),
        ([], {}, "no run yet"),
    ],
)
def test_the_time_is_what_was_measured_beside_the_budget(seconds: list[float], budgets: dict[str, float], time: str) -> None:
    assert row(markdown([CODE], {"code": seconds}, budgets, PROJECT))[-1] == time


def test_a_row_links_to_the_notebook_and_names_the_command() -> None:
    linked = "](../../notebooks/01_code.ipynb): `rollback run code --stack NAME`"
    assert row(markdown([RESUME, CODE], {}, BUDGETS, PROJECT / "docs" / "more"))[1].endswith(linked)


def test_signs_of_a_table_are_escaped_in_its_cells() -> None:
    page = markdown([replace(CODE, situation="slow | <b>down</b>\nhard", action="a | b")], {}, BUDGETS, PROJECT)
    situation, action, _ = row(page)
    assert situation == r"slow \| \<b>down\</b> hard"
    assert action.startswith(r"[a \| b](")


def test_the_front_matter_has_all_owners_and_the_strictest_cycle() -> None:
    other = replace(DATABASE, owner="on-call: databases", cycle=timedelta(days=14))
    front = yaml.safe_load(markdown([CODE, other], {}, BUDGETS, PROJECT).split("---")[1])
    old = yaml.safe_load((PROJECT / "docs" / "runbook.md").read_text().split("---")[1])
    assert list(front) == list(old)
    assert front == {**old, "doc_owner": "CTO, on-call: databases", "review_cycle": "14d"}


def test_a_section_has_the_commands_that_work_and_the_steps() -> None:
    page = markdown([CODE, DATABASE, RESUME], {}, BUDGETS, PROJECT)
    _, code, database, resume = re.split(r"^## (?:Code|Database|Resume).*$", page, flags=re.MULTILINE)
    assert "```bash\nrollback run code --stack NAME\nrollback run code --stack NAME --apply --confirm HOST  #" in code
    assert "--stack NAME --apply --confirm HOST -p accept_loss=true" in database
    assert "```bash\nrollback resume INCIDENT\n```" in resume
    assert (
        code.index("A bad commit")
        < code.index("```bash")
        < code.index("**Keep what runs now**")
        < code.index("**Recreate the containers.**")
    )
    assert "Look for" not in code  # that is of other sections


def test_a_notebook_that_only_looks_has_no_command_to_apply() -> None:
    triage = replace(
        CODE, procedure="triage", parameters=("stack",), text="# Triage\n\nWhat is broken.\n\n## 2 Document state\n\nAll of it."
    )
    page = markdown([triage], {}, BUDGETS, PROJECT)
    assert "## Triage\n\nWhat is broken.\n\n```bash\nrollback run triage --stack NAME\n```\n\n## Pre-Rollback Checklist" in page


def test_the_command_takes_times_from_successes_and_of_the_stack_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, file = tmp_path / "incidents", tmp_path / "page.md"
    monkeypatch.setenv("ROLLBACK_INCIDENTS", str(root))
    stack = written(tmp_path / "stack.yaml", name="mine", budgets={"code": 45.0})
    for name, verdict, mode, seconds in (
        ("mine", "succeeded", "apply", 2.0), ("other", "succeeded", "apply", 9.0),
        ("mine", "failed-partly", "apply", 50.0), ("mine", "planned", "plan", 1.0),
    ):  # fmt: skip
        folder = Folder.create("code", root)
        record = {"procedure": "code", "stack": name, "mode": mode, "verdict": verdict, "seconds": seconds}
        Chain(root).enter(SEALED, folder.path, record)
    assert main(["docs", "-o", str(file)]) == 0
    assert capsys.readouterr().out == f"The page is {file}, of {len(ALL)} notebooks and 2 successful runs.\n"
    assert "| median 5.5 s, worst 9.0 s in 2 runs; budget 60 s |" in file.read_text()
    assert main(["docs", "-o", str(file), "--stack", str(stack)]) == 0
    assert "| median 2.0 s, worst 2.0 s in 1 run; budget 45 s |" in file.read_text()
    assert main(["docs", "-o", str(tmp_path / "none" / "page.md")]) == 2
    assert "give another path with -o" in capsys.readouterr().err
