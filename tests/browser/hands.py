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
    def press(self, button: Locator) -> None: ...
    def type(self, box: Locator, text: str) -> None: ...
    def to_tab(self, page: Page, name: str) -> None: ...


def first(page: Page) -> Locator:
    """The prompt of the first code cell of the notebook in front, which has its number once it has run."""
    return page.locator(f"{CELLS} .jp-CodeCell .jp-InputPrompt").first


def begun(page: Page, before: str) -> bool:
    """Whether the first cell has begun to run; its prompt was `before`. JupyterLab drops what is run a moment before its kernel is
    ready."""
    try:
        expect(first(page)).not_to_have_text(before, timeout=4_000)
    except AssertionError:
        return False
    return True


class Mouse:
    name = "mouse"

    def follow(self, link: Locator) -> None:
        link.click()

    def run_all(self, page: Page) -> None:
        idle(page)
        before = first(page).inner_text()
        while not begun(page, before):
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.locator(".lm-Menu-item", has_text=re.compile("^Run All Cells")).first.click()

    def confirm(self, gate: Locator, word: str) -> None:
        gate.get_by_role("textbox").click()
        gate.page.keyboard.type(word)
        gate.get_by_role("button", name="Confirm").click()

    def go_on(self, gate: Locator) -> None:
        gate.get_by_role("button", name="Run the cells below").click()

    def press(self, button: Locator) -> None:
        button.click()

    def type(self, box: Locator, text: str) -> None:
        box.click()
        box.page.keyboard.type(text)

    def to_tab(self, page: Page, name: str) -> None:
        page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab").filter(has_text=name).first.click()


def reach(there: Locator) -> None:
    """Press Tab, or Shift+Tab for what comes before, until it has the focus."""
    page = there.page
    expect(there).to_be_visible()
    before = there.evaluate("one => !!(one.compareDocumentPosition(document.activeElement) & Node.DOCUMENT_POSITION_FOLLOWING)")
    for _ in range(MOST):
        if there.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Shift+Tab" if before else "Tab")
    raise AssertionError(f"{there} is more than {MOST} presses of {'Shift+' if before else ''}Tab away")


class Keys:
    name = "keyboard"

    def follow(self, link: Locator) -> None:
        reach(link)
        link.page.keyboard.press("Enter")

    def run_all(self, page: Page) -> None:
        idle(page)
        before = first(page).inner_text()
        while not begun(page, before):
            page.keyboard.press("Control+Shift+C")
            page.keyboard.type("Run All Cells")
            expect(page.locator(".lm-CommandPalette-item.lm-mod-active")).to_contain_text("Run All Cells")
            page.keyboard.press("Enter")

    def confirm(self, gate: Locator, word: str) -> None:
        """The box has the focus after Run All; after another target was chosen, it is further down."""
        reach(gate.get_by_role("textbox"))
        expect(gate.get_by_role("textbox")).to_be_in_viewport()
        gate.page.keyboard.type(word)
        gate.page.keyboard.press("Enter")

    def go_on(self, gate: Locator) -> None:
        expect(gate.get_by_role("button", name="Run the cells below")).to_be_focused()
        gate.page.keyboard.press("Enter")

    def press(self, button: Locator) -> None:
        expect(button).to_be_focused()
        button.page.keyboard.press("Enter")

    def type(self, box: Locator, text: str) -> None:
        reach(box)
        box.page.keyboard.type(text)

    def to_tab(self, page: Page, name: str) -> None:
        current = page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab.lm-mod-current")
        for _ in range(8):
            if name in current.first.inner_text():
                return
            page.keyboard.press("Control+Shift+BracketRight")
        raise AssertionError(f"no tab {name}")


def idle(page: Page) -> None:
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()
