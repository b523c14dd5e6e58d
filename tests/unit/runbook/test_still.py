"""What pages elsewhere ask of a notebook: GitHub, nbviewer, VS Code, and JupyterLab without the kernel that made it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest

from rollback_lib.runbook.still import WIDGET, say_old, still
from rollback_lib.settings import PROJECT

OURS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
HTML, TEXT = "text/html", "text/plain"


def notebook(*bundles: dict[str, object], **metadata: object) -> str:
    outputs = [nbformat.v4.new_output("display_data", data=bundle) for bundle in bundles]
    cell = nbformat.v4.new_code_cell("incident.confirm(plan)", outputs=outputs)
    return nbformat.writes(nbformat.v4.new_notebook(cells=[cell], metadata=metadata))


def test_the_twins_of_widgets_stay() -> None:
    gone = {"application/vnd.jupyter.widget-state+json": {"version_major": 2}}  # as JupyterLab saves it when it has no state
    text = still(notebook({WIDGET: {"model_id": "1"}, HTML: "<p>Confirmed é</p>", TEXT: "Confirmed"}, {TEXT: "a line"}, widgets=gone))
    read = nbformat.reads(text, as_version=4)
    nbformat.validate(read)
    assert [output["data"] for output in read.cells[0].outputs] == [{HTML: "<p>Confirmed é</p>", TEXT: "Confirmed"}, {TEXT: "a line"}]
    assert "widgets" not in read.metadata
    assert "é" in text


def test_what_has_no_widgets_is_the_same_notebook() -> None:
    text = notebook({TEXT: "a line"}, kernelspec={"name": "python3", "display_name": "Python 3"})
    assert json.loads(still(text)) == json.loads(text)


def test_a_widget_without_a_twin_is_not_thrown_away() -> None:
    """A person may show widgets of their own."""
    text = notebook({WIDGET: {"model_id": "1"}})
    assert json.loads(still(text)) == json.loads(text)


def test_outputs_of_an_earlier_session_say_so_once() -> None:
    content = json.loads(notebook({TEXT: "Verdict: succeeded."}))
    for hour in (3, 4):
        say_old(content, datetime(2026, 11, 24, hour, 12, tzinfo=UTC))
    (cell,) = content["cells"]
    note, output = cell["outputs"]
    assert "are from an earlier session, saved at 2026-11-24 04:12 UTC" in note["data"][TEXT]
    assert "".join(output["data"][TEXT]) == "Verdict: succeeded."
    nbformat.validate(nbformat.reads(json.dumps(content), as_version=4))


def test_a_notebook_without_outputs_says_nothing() -> None:
    content = json.loads(notebook())
    say_old(content, datetime(2026, 11, 24, tzinfo=UTC))
    assert content == json.loads(notebook()) | {"cells": content["cells"]}
    assert content["cells"][0]["outputs"] == []


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.name)
def test_our_notebooks_are_shown_everywhere(file: Path) -> None:
    read = nbformat.read(file, as_version=4)
    nbformat.validate(read)
    assert len({cell["id"] for cell in json.loads(file.read_text())["cells"]}) == len(read.cells)
    assert still(file.read_text()) == file.read_text(), "a widget would be shown as an error"
    assert read.metadata.kernelspec.name == "python3"
    assert read.metadata.language_info.name == "python"
    assert file.stat().st_size < 1_000_000, "GitHub shows no larger file of text"
    for cell in read.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {TEXT: ""})
            assert TEXT in data, "a viewer without HTML shows the text"
            assert data.keys() <= {HTML, TEXT, "image/svg+xml"}
            assert not any(word in data.get(HTML, "") for word in ("<script", "onclick=")), "GitHub removes it"
