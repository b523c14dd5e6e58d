"""docs/stack-file.md is what the model says."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from rollback_lib.cli import main
from rollback_lib.record.folder import ROOT_VARIABLE
from rollback_lib.settings import PROJECT
from rollback_lib.stack import approval, model, reference, route, schema, sources, values
from tests.builders.runbook_folder import runbook_folder

_BASES = (values.Keys, model.Services, model.Section, sources.Source)  # what others are made of
_ALL = {**vars(model), **vars(route), **vars(approval), **vars(sources)}.values()
SECTIONS = [one for one in _ALL if isinstance(one, type) and issubclass(one, values.Keys) and one not in _BASES]


def test_the_page_in_docs_is_what_the_model_says() -> None:
    page = (PROJECT / "docs" / "stack-file.md").read_text()
    assert page == reference.markdown(), "the model has changed since docs/stack-file.md was written: run `rollback docs`"


@pytest.mark.parametrize("section", SECTIONS, ids=lambda one: one.__name__)
def test_every_key_says_what_it_means(section: type[BaseModel]) -> None:
    unexplained = [name for name, field in section.model_fields.items() if not field.description]
    assert unexplained == []


@pytest.mark.parametrize("section", SECTIONS, ids=lambda one: one.__name__)
def test_every_key_of_every_section_has_its_row(section: type[BaseModel]) -> None:
    page = reference.markdown()
    for name, field in section.model_fields.items():
        assert f"| `{field.alias or name}` | " in page
        assert f" | {field.description} |".replace("\n", " ") in page


def test_sections_that_only_repeat_a_name_are_told_apart_by_their_path() -> None:
    headings = [line for line in reference.markdown().splitlines() if line.startswith("## `")]
    assert len(set(headings)) == len(headings) == len(SECTIONS)


def test_the_command_writes_it_beside_the_page_of_procedures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "incidents"))
    monkeypatch.setenv("ROLLBACK_HOME", str(runbook_folder(tmp_path)))
    assert main(["docs", "-o", str(tmp_path / "page.md")]) == 0
    assert not (tmp_path / "docs").exists()
    assert main(["docs"]) == 0
    assert {file.name for file in (tmp_path / "docs").iterdir()} == {"rollback-procedures.md", "stack-file.md"}
    assert (tmp_path / "docs" / "stack-file.md").read_text() == reference.markdown()
    assert (tmp_path / "parameters" / schema.FILE).read_text() == schema.text()
