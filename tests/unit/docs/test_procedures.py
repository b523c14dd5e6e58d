"""The pages of the procedures say what notebooks, budgets and verdicts say."""

import re

import pytest

from rollback_lib.record.verdict import Verdict
from rollback_lib.runbook.metadata import Notebook, notebooks
from rollback_lib.settings import PROJECT
from rollback_lib.stack.model import Budgets

DOCS = PROJECT / "docs"
ALL = notebooks(PROJECT / "notebooks")
COMMON = (DOCS / "procedures" / "README.md").read_text()
BUDGETS = Budgets().model_dump()


def page(one: Notebook) -> str:
    return (DOCS / "procedures" / f"{one.procedure}.md").read_text()


def named(text: str) -> set[str]:
    """Words between backticks in the tables of a page."""
    return {word for line in text.splitlines() if line.startswith("| ") for word in re.findall(r"`\W*(\w+)", line)}


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.procedure)
def test_every_parameter_of_a_notebook_is_explained(one: Notebook) -> None:
    words = {word.lower() for word in named(page(one)) | named(COMMON)}
    options = {word.replace("-", "_") for word in re.findall(r"`--([a-z-]+)", page(one))}
    assert set(one.parameters) - words - options == set()


@pytest.mark.parametrize("one", [one for one in ALL if one.procedure in BUDGETS], ids=lambda one: one.procedure)
def test_the_budget_is_that_of_the_stack(one: Notebook) -> None:
    said = f"{BUDGETS[one.procedure]:.0f} s"
    assert f"| Budget | {said} |" in page(one)
    for text, link in ((COMMON, f"[{one.procedure}]({one.procedure}.md)"), ((PROJECT / "README.md").read_text(), one.file.name)):
        assert next(line for line in text.splitlines() if link in line).endswith(f" {said} |")


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.procedure)
def test_every_step_that_a_notebook_runs_is_explained(one: Notebook) -> None:
    steps = re.findall(r"\.apply\(plan\.(\w+)\)", one.file.read_text())
    known = named(page(one))
    assert [step for step in steps if step not in known and one.procedure != "undo"] == []


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.procedure)
def test_a_page_links_its_notebook(one: Notebook) -> None:
    assert f"](../../notebooks/{one.file.name})" in page(one)


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_stands_beside_its_exit_status(verdict: Verdict) -> None:
    rows = [line for line in (DOCS / "exit-statuses.md").read_text().splitlines() if f"`{verdict}`" in line]
    assert [row.split("|")[1].strip() for row in rows] == [str(verdict.status)]


def test_the_glossary_is_in_order() -> None:
    words = re.findall(r"^\| (\w[\w ]*) \|", (DOCS / "glossary.md").read_text(), re.MULTILINE)[1:]
    assert words == sorted(words)
