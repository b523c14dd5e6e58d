"""What a view makes of text: safe, whole, and inside the page."""

import html
import re

import pytest

from rollback_lib.errors import Refused
from rollback_lib.notebook import display, gate
from rollback_lib.notebook.view import note, table


def test_a_long_word_of_a_table_can_be_broken_and_is_whole() -> None:
    """An image's name in one column must not push the mark beside it out of sight."""
    name = "registry.dyniq.ai/<agents-api>@sha256:" + "0a1860081039" * 5
    shown = table(("", "asked for"), [("image", f"{name}\nrunning")])._repr_html_()
    assert shown.count("overflow-wrap:anywhere") == 1
    assert f"{name}running" in html.unescape(re.sub(r"<(?!agents)[^>]*>", "", shown))
    assert "<agents-api>" not in shown


def test_what_stands_between_backticks_in_a_note_is_code() -> None:
    said = note("info", "then `rm <file>`\nand `up`")
    assert "then <code>rm &lt;file&gt;</code><br>and <code>up</code>" in said._repr_html_()
    assert str(said) == "● then `rm <file>`\nand `up`"


def test_a_box_says_why_what_was_typed_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed() -> None:
        raise Refused("3f2a9c is closed, and its record is sealed")

    monkeypatch.setattr(display, "show_widget", lambda *_: None)
    box = gate.Gate("contabo", "Type it", closed)
    box._pressed()
    assert "3f2a9c is closed, and its record is sealed" in box._label.value
    assert gate.DONE not in box._label.value
