"""The pages of the project, their links, and the anchors that GitHub makes for their headings."""

import re
import subprocess
import textwrap
from pathlib import Path

from rollback_lib.settings import PROJECT

_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+(?:\([^()]*\)[^()\s]*)?)\)")
_FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Every page in the repository, also those that are not committed yet."""
    listed = subprocess.check_output(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=PROJECT, text=True)
    return [PROJECT / name for name in listed.splitlines() if (PROJECT / name).exists()]


def links(page: Path) -> list[str]:
    """The targets of a page's links. Code is left out."""
    text = _FENCE.sub("", page.read_text())
    text = re.sub(r"(?m)^ {4}.*$", "", text)
    return _LINK.findall(re.sub(r"``[^`]*``|(?<!\[)`[^`\]]*`(?!\])", "", text))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: dict[str, int] = {}
    made = set()
    for line in _FENCE.sub("", page.read_text()).splitlines():
        heading = re.match(r"#{1,6}\s+(.*?)\s*#*$", line)
        if heading:
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).replace("`", "")
            anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            number = found.get(anchor, 0)
            found[anchor] = number + 1
            made.add(f"{anchor}-{number}" if number else anchor)
    return made


def example(page: Path, heading: str) -> str:
    """The first block of code under a heading of a page."""
    under = page.read_text().split(f"\n## {heading}\n")[1]
    block = re.search(r"(?m)(?:^ {4}.*\n|^\n(?= {4}))+", under)
    assert block
    return textwrap.dedent(block[0]).strip() + "\n"
