"""Pages from templates: all text escaped, nothing forgotten, and nothing loaded before it is needed."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jinja2 import UndefinedError

from rollback_lib.report import notebook
from rollback_lib.report.head import Head
from rollback_lib.report.rendering import render
from rollback_lib.settings import PROJECT

RAN = {"one()": "completed", "two()": "pending"}
ACTS = "<script>alert(1)</script>"
RECORD = {"verdict": "planned", "status": 0, "reason": "planned only"}


def head(text: str) -> Head:
    return Head(text, text, "", text, text, (text, text))


def test_all_text_is_escaped() -> None:
    page = render("notebook", head=head(ACTS), cells=[notebook.Cell(ACTS, outputs=(notebook.Output(ACTS),))])
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 9


def test_what_stands_between_backticks_in_our_words_is_code() -> None:
    assert "<p>then <code>rm &lt;x&gt;</code></p>" in render("notebook", head=Head("", "", "", "then `rm <x>`", "", ()), cells=[])


def test_what_a_template_asks_for_and_is_not_given_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="cells"):
        render("notebook", head=head("x"))


def test_the_prose_of_a_notebook_is_markdown_and_no_html(tmp_path: Path) -> None:
    prose = nbformat.v4.new_markdown_cell(
        f"## Plan\n\nSee `plan.sh`, **then** [x](javascript:alert(1)).\n\n{ACTS}\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    )
    file = tmp_path / "notebook.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[prose]), file)
    page = notebook.html(file, RECORD)
    assert all(one in page for one in ("<h2>Plan</h2>", "<code>plan.sh</code>", "<strong>then</strong>", "<td>2</td>"))
    assert "<script" not in page
    assert "javascript:" not in page


def test_a_cell_that_did_not_run_says_so(tmp_path: Path) -> None:
    cells = [nbformat.v4.new_code_cell(source, metadata={"papermill": {"status": status}}) for source, status in RAN.items()]
    file = tmp_path / "notebook.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), file)
    page = notebook.html(file, RECORD)
    assert '<pre class="in">one()</pre>' in page
    assert '<pre class="in">two() (this cell did not run)</pre>' in page


def test_no_run_waits_for_the_templates_before_a_page_is_written() -> None:
    """Neither the process of the command nor the kernel: a page is the last thing that is written."""
    loaded = (
        "import sys, rollback_lib.headless.runner, rollback_lib.run.incident, rollback_lib.notebook.render; print('jinja2' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", loaded], text=True, cwd=PROJECT).strip() == "False"
