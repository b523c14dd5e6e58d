"""docs/architecture.md agrees with the code: the picture of the rooms, the files it names, the sentences of the runbook."""

import re
from pathlib import Path

import pytest

from rollback_lib.settings import PROJECT
from tests.unit.docs.pages import pages
from tests.unit.test_house import LEVELS

PAGE = (PROJECT / "docs" / "architecture.md").read_text()
RUNBOOK = (PROJECT / "docs" / "runbook.md").read_text()
FOLDERS = ("rollback_lib", "lab", "tests", "docs", "notebooks", "parameters", "bench", "tools")
# The page that is replaced, and those that are written by the project.
WRITTEN = {"docs/runbook.md", "docs/rollback-procedures.md", "docs/hosts.md"}


def picture() -> str:
    """The picture of the rooms in Mermaid, by level. A room imports from its own level and those below."""
    top = len(LEVELS) - 1
    nodes = [f'    level{number}["{" · ".join(sorted(LEVELS[number]))}"]' for number in range(top, -1, -1)]
    arrows = [f"    level{number} --> level{number - 1}" for number in range(top, 0, -1)]
    return "\n".join(["```mermaid", "flowchart TD", *nodes, *arrows, "```"])


def first_line_with(text: str) -> str:
    return next((line for line in PAGE.splitlines() if text in line), "")


def test_the_picture_of_the_rooms_is_that_of_the_levels() -> None:
    assert picture() in PAGE, f"LEVELS in tests/unit/test_house.py has changed; put this into docs/architecture.md:\n\n{picture()}"


@pytest.mark.parametrize("room", sorted(set().union(*LEVELS)))
def test_every_room_says_what_is_in_it(room: str) -> None:
    place = f"`rollback_lib/{room}.py`" if (PROJECT / "rollback_lib" / f"{room}.py").exists() else f"`rollback_lib/{room}/`"
    assert first_line_with(f"| {place} |"), f"the table of rooms has no row of {place}"


def named_paths(page: Path) -> list[str]:
    """The paths of this project between backticks on a page. Paths with the placeholder NAME are left out."""
    found = re.findall(r"`([\w./*-]+)`", page.read_text())
    return [one for one in found if one.split("/")[0] in FOLDERS and "/" in one and "NAME" not in one]


@pytest.mark.parametrize("page", [one for one in pages() if one.relative_to(PROJECT).as_posix() not in WRITTEN], ids=str)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    for path in named_paths(page):
        assert any(PROJECT.glob(path)), f"{page.name}: {path} does not exist"


def test_paths_are_found_where_they_are_named() -> None:
    assert len(named_paths(PROJECT / "docs" / "architecture.md")) > 60


def sentences() -> list[str]:
    """The sentences of the runbook: its procedures, the rows of its table, the steps, the warning, and the points of its checklist."""
    text = RUNBOOK.partition("# Rollback Procedures")[2]
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    rows = [row.split("|")[1].strip() for row in re.findall(r"^\| .+$", text, re.MULTILINE)][1:]
    steps = re.findall(r"^# (?:\d+\. )?(.+)$", text, re.MULTILINE)
    return [*headings, *rows, *steps, *re.findall(r"^- \[ \] (.+)$", text, re.MULTILINE), "does **NOT** reload environment variables"]


def test_the_runbook_is_read_as_it_is() -> None:
    assert len(sentences()) == 8 + 5 + 14 + 4 + 1


@pytest.mark.parametrize("sentence", sentences())
def test_every_sentence_of_the_runbook_leads_to_a_file(sentence: str) -> None:
    line = next((line for line in PAGE.splitlines() if line.startswith("| ") and sentence in line), "")
    assert line, f"docs/architecture.md does not say which file does: {sentence}"
    assert re.search(rf"`(?:{'|'.join(FOLDERS)})/[\w./*-]+`", line), f"docs/architecture.md names no file for: {sentence}"
