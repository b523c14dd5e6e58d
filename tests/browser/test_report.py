"""The report of a record as a browser shows it: nothing too wide, too narrow or cut off; screenshots for a person to look at."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from rollback_lib.report import page, statistics
from rollback_lib.settings import PROJECT
from tests.browser.access import lacking
from tests.browser.test_jupyterlab import CHROMIUM
from tests.unit.report import told
from tests.unit.report.test_statistics import TODAY, known

SHOTS = PROJECT / "build" / "screenshots"
DESK, PHONE = 1180, 420  # pixels
# Words of a drawing that stand outside of it, and cells narrower than the longest word in them that may not be broken.
CUT_OFF = """[...document.querySelectorAll("svg text")].filter(text => {
    const [box, svg] = [text.getBoundingClientRect(), text.ownerSVGElement.getBoundingClientRect()];
    return box.left < svg.left - 1 || box.right > svg.right + 1 || box.top < svg.top - 1 || box.bottom > svg.bottom + 1;
}).map(text => text.textContent)"""
NARROW = """[...document.querySelectorAll("td:not(.long)")].filter(cell => {
    const range = document.createRange(), text = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    for (let node = text.nextNode(); node; node = text.nextNode())
        for (const word of node.data.matchAll(/[\\w.]+/g)) {
            range.setStart(node, word.index);
            range.setEnd(node, word.index + word[0].length);
            if (range.getClientRects().length > 1) return true;
        }
    return false;
}).map(cell => cell.textContent)"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as player:
        started = player.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        yield started
        started.close()


def opened(browser: Browser, file: Path, theme: str, width: int) -> Page:
    seen = browser.new_page(color_scheme=theme, viewport={"width": width, "height": 800})
    seen.goto(f"file://{file}")
    seen.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    return seen


@pytest.mark.parametrize("make", [told.failed, told.looked], ids=["failed", "looked"])
@pytest.mark.parametrize(("theme", "width"), [("light", DESK), ("dark", DESK), ("light", PHONE)])
def test_a_report_is_whole_on_a_desk_and_on_a_phone(browser: Browser, tmp_path: Path, make: object, theme: str, width: int) -> None:
    folder = make(tmp_path)
    file = tmp_path / "report.html"
    file.write_text(page.html(folder.record(), folder.events(), folder.path))
    seen = opened(browser, file, theme, width)
    SHOTS.mkdir(parents=True, exist_ok=True)
    seen.screenshot(path=SHOTS / f"report-{make.__name__}-{theme}-{width}.png", full_page=True)
    assert seen.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.evaluate(CUT_OFF) == []
    assert "`" not in seen.inner_text("body")
    assert lacking(seen) == []
    if width == DESK:
        assert seen.evaluate(NARROW) == []


def test_a_report_is_read_in_the_dark(browser: Browser, tmp_path: Path) -> None:
    """Its page is dark where the reader's is, and its words are not."""
    folder = told.failed(tmp_path)
    file = tmp_path / "report.html"
    file.write_text(page.html(folder.record(), folder.events(), folder.path))
    seen = opened(browser, file, "dark", DESK)
    shade = seen.evaluate("getComputedStyle(document.body).color")
    assert shade == "rgb(255, 255, 255)"


@pytest.mark.parametrize(("theme", "width"), [("light", DESK), ("dark", DESK), ("light", PHONE)])
def test_the_page_of_statistics_is_whole_on_a_desk_and_on_a_phone(browser: Browser, tmp_path: Path, theme: str, width: int) -> None:
    file = tmp_path / "statistics.html"
    file.write_text(statistics.html(known(), "shop", today=TODAY))
    seen = opened(browser, file, theme, width)
    seen.screenshot(path=SHOTS / f"statistics-{theme}-{width}.png", full_page=True)
    assert seen.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.evaluate(CUT_OFF) == []
    assert "`" not in seen.inner_text("body")
    if width == DESK:
        assert seen.evaluate(NARROW) == []


def test_a_diff_stands_side_by_side_where_there_is_room(browser: Browser, tmp_path: Path) -> None:
    folder = told.failed(tmp_path)
    file = tmp_path / "report.html"
    file.write_text(page.html(folder.record(), folder.events(), folder.path))
    for width, beside in ((DESK, True), (PHONE, False)):
        seen = opened(browser, file, "light", width)
        before, after = (seen.locator(f".diff .changed .{side}").first.bounding_box() for side in ("before", "after"))
        assert (before["y"] == after["y"]) is beside
