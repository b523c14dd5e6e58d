"""The notebooks where other people open them: GitHub, nbviewer, VS Code. Each has rules of its own for what it shows.

GitHub and nbviewer refuse `metadata.widgets` without `state`, show of several forms of an output the richest that they know, and strip
scripts, styles and handlers from HTML. So each output needs a form that says the same without any of these.
"""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter

from rollback_lib.runbook.still import WIDGET
from rollback_lib.settings import PROJECT

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
SHOWN = {"text/html", "text/plain", "text/markdown", "image/svg+xml", "image/png"}  # what all of them show
LARGEST = 1_000_000  # bytes; GitHub shows no notebook that is much larger
STRIPPED = {"script", "style", "iframe", "form", "input", "button", "link"}


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


class Stripped(HTMLParser):
    """What would be taken out of an HTML text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [tag] if tag in STRIPPED else []
        self.found += [name for name, value in attrs if name.startswith("on") or (value or "").startswith("javascript:")]


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.name)
def test_a_notebook_is_shown_everywhere(file: Path) -> None:
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    assert file.stat().st_size < LARGEST
    assert "widgets" not in notebook.metadata
    for output in outputs(notebook):
        if output.output_type in ("display_data", "execute_result"):
            assert output.data.keys() <= SHOWN, output.data.keys()
            assert "text/plain" in output.data
            assert WIDGET not in output.data
            drawn = "".join(output.data.get("text/html", ""))
            assert Stripped(drawn).found == []
            assert not drawn or words(drawn)  # what is left without styles still says something


def test_nbviewer_renders_a_notebook_without_a_word_about_widgets() -> None:
    """nbviewer is nbconvert; it shows an error in the place of a widget that it cannot draw."""
    body, _ = HTMLExporter(template_name="basic").from_filename(str(PROJECT / "notebooks" / "01_code.ipynb"))
    assert "Verdict: succeeded." in words(body)
    assert "widget" not in body.lower().replace("widget-", "")
