"""The pictures of docs/pictures/. Each is taken where a test sees what it shows; without `--write-pictures` the test only compares.

Two pictures of the same thing differ in times and ids. So what is compared are the headings, buttons and columns in them, which
pictures.json has; if these differ, the picture is out of date, and `make pictures` takes it again.
"""

import json
import re
from pathlib import Path

from playwright.sync_api import Locator

from rollback_lib.settings import PROJECT

FOLDER = PROJECT / "docs" / "pictures"
NAMED = Path(__file__).with_suffix(".json")
_PARTS = "h1, h2, h3, th, strong, summary, button"


class Pictures:
    """With `write`, pictures are taken; else each has to show what it showed."""

    def __init__(self, *, write: bool) -> None:
        self._write = write

    def take(self, name: str, shown: Locator, most: float = 900.0) -> None:
        """The picture `name`.png of what is `shown`, cut off below `most` pixels."""
        known, seen = json.loads(NAMED.read_text()), named(shown)
        if not self._write:
            assert seen == known.get(name), f"docs/pictures/{name}.png is out of date: run `make pictures`, and look at it"
            return
        shown.evaluate("one => one.scrollIntoView({block: 'start'})")
        shown.page.mouse.move(0, 0)  # off every row that it would mark
        box = shown.bounding_box()
        assert box
        clip = {"x": box["x"], "y": box["y"], "width": box["width"], "height": min(box["height"], most)}
        above = "" if "rollback-bar" in (shown.get_attribute("class") or "") else ".rollback-bar { visibility: hidden }"
        shown.page.screenshot(path=FOLDER / f"{name}.png", clip=clip, style=above)
        NAMED.write_text(json.dumps({**known, name: seen}, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def named(shown: Locator) -> list[str]:
    """The headings, columns and buttons in it, without the numbers in them."""
    texts = shown.locator(_PARTS).all_inner_texts()
    return [words for text in texts if (words := re.sub(r"\b[0-9a-f]{6,}\b|\d+", "…", " ".join(text.split())))]
