"""What a view makes of text: safe, whole, and inside the page."""

import html
import re
import threading

import pytest

from rollback_lib.errors import LinkLost, Refused
from rollback_lib.notebook import display, gate
from rollback_lib.notebook.view import note, table
from rollback_lib.run.console import Approvals


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


class Waiting:
    """An approval that is given as soon as `given` is set. `looked` is set at each look."""

    def __init__(self) -> None:
        self.given, self.looked, self.lost = threading.Event(), threading.Semaphore(0), False

    def look(self) -> Approvals:
        self.looked.release()
        if self.lost:
            raise LinkLost("the connection is closed")
        complete = self.given.is_set()
        return Approvals(complete, "Approved by ben" if complete else "Not approved yet", "missing", "rollback approve 3f2a9c")


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    monkeypatch.setattr(display, "show_widget", lambda *_: None)
    monkeypatch.setattr(gate, "EVERY", 0.005)
    return Waiting()


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "_watch" in thread.name]


def test_a_box_waits_for_an_approval_too_and_shows_it_as_it_comes(waiting: Waiting) -> None:
    box = gate.Gate("contabo", "Type it", lambda: None, waiting)
    enabled = threading.Event()
    box._button.observe(lambda _: enabled.set(), names="disabled")
    box._box.value = "contabo"
    assert box._button.disabled
    assert "Not approved yet" in box._approvals.value
    assert "<code>rollback approve 3f2a9c</code>" in box._approvals.value
    waiting.given.set()
    assert enabled.wait(5)
    assert "Approved by ben." in box._approvals.value
    for thread in threads():
        thread.join(5)  # it looks no more
    assert threads() == []
    box._pressed()
    assert gate.DONE in box._label.value
    assert box._approvals.value == ""


@pytest.mark.parametrize("end", ["closed", "lost"])
def test_nobody_looks_for_an_approval_that_is_not_waited_for(waiting: Waiting, end: str) -> None:
    box = gate.Gate("contabo", "Type it", lambda: None, waiting)
    assert waiting.looked.acquire(timeout=5)
    if end == "closed":
        box.close(note("info", gate.GONE))
    else:
        waiting.lost = True
    for thread in threads():
        thread.join(5)
    assert threads() == []
    assert box._button.disabled
