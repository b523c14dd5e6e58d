"""Two persons at JupyterLab: one who only clicks, and one who has only a keyboard. Both do the same."""

import re
from typing import Protocol

from playwright.sync_api import Locator, Page, expect

MOST = 30  # presses of Tab after which nobody looks for a link any more
CELLS = ".jp-NotebookPanel:not(.lm-mod-hidden)"  # the notebook in front


class Hands(Protocol):
    """What a person does on the way from the start page to the closed record."""

    name: str

    def follow(self, link: Locator) -> None: ...
    def run_all(self, page: Page) -> None: ...
    def confirm(self, gate: Locator, word: str) -> None: ...
    def go_on(self, gate: Locator) -> None: ...
    def run_cell(self, cell: Locator) -> None: ...
    def to_tab(self, page: Page, name: str) -> None: ...


def begun(page: Page) -> bool:
    """Whether the notebook in front has begun to run. JupyterLab drops what is run a moment before its kernel is ready."""
    try:
        expect(page.locator(f"{CELLS} .jp-CodeCell .jp-InputPrompt").first).to_have_text(re.compile(r"\[[\d*]"), timeout=4_000)
    except AssertionError:
        return False
    return True


class Mouse:
    name = "mouse"

    def follow(self, link: Locator) -> None:
        link.click()

    def run_all(self, page: Page) -> None:
        idle(page)
        while not begun(page):
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.locator(".lm-Menu-item", has_text=re.compile("^Run All Cells")).first.click()

    def confirm(self, gate: Locator, word: str) -> None:
        gate.get_by_role("textbox").click()
        gate.page.keyboard.type(word)
        gate.get_by_role("button", name="Confirm").click()

    def go_on(self, gate: Locator) -> None:
        gate.get_by_role("button", name="Run the cells below").click()

    def run_cell(self, cell: Locator) -> None:
        cell.locator(".jp-InputArea-editor").click()
        cell.page.get_by_role("button", name=re.compile("^Run this cell and advance")).last.click()

    def to_tab(self, page: Page, name: str) -> None:
        page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab").filter(has_text=name).first.click()


class Keys:
    name = "keyboard"

    def follow(self, link: Locator) -> None:
        """Press Tab, or Shift+Tab if the link comes before, until it has the focus."""
        page = link.page
        expect(link).to_be_visible()
        before = link.evaluate("one => !!(one.compareDocumentPosition(document.activeElement) & Node.DOCUMENT_POSITION_FOLLOWING)")
        for _ in range(MOST):
            if link.evaluate("one => one === document.activeElement"):
                page.keyboard.press("Enter")
                return
            page.keyboard.press("Shift+Tab" if before else "Tab")
        raise AssertionError(f"{link} is more than {MOST} presses of {'Shift+' if before else ''}Tab away")

    def run_all(self, page: Page) -> None:
        idle(page)
        while not begun(page):
            page.keyboard.press("Control+Shift+C")
            page.keyboard.type("Run All Cells")
            expect(page.locator(".lm-CommandPalette-item.lm-mod-active")).to_contain_text("Run All Cells")
            page.keyboard.press("Enter")

    def confirm(self, gate: Locator, word: str) -> None:
        expect(gate.get_by_role("textbox")).to_be_focused()
        expect(gate.get_by_role("textbox")).to_be_in_viewport()
        gate.page.keyboard.type(word)
        gate.page.keyboard.press("Enter")

    def go_on(self, gate: Locator) -> None:
        expect(gate.get_by_role("button", name="Run the cells below")).to_be_focused()
        gate.page.keyboard.press("Enter")

    def run_cell(self, cell: Locator) -> None:
        """With the arrow keys to the cell, then Ctrl+Enter."""
        page = cell.page
        page.keyboard.press("Escape")
        number = "one => [...one.closest('.jp-Notebook').querySelectorAll('.jp-Cell')].indexOf(one)"
        active = page.locator(f"{CELLS} .jp-Cell.jp-mod-active")
        for _ in range(60):
            away = cell.evaluate(number) - active.evaluate(number)
            if not away:
                break
            page.keyboard.press("ArrowDown" if away > 0 else "ArrowUp")
        page.keyboard.press("Control+Enter")

    def to_tab(self, page: Page, name: str) -> None:
        current = page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab.lm-mod-current")
        for _ in range(8):
            if name in current.first.inner_text():
                return
            page.keyboard.press("Control+Shift+BracketRight")
        raise AssertionError(f"no tab {name}")


def idle(page: Page) -> None:
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()
