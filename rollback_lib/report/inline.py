"""Short texts as HTML: sentences, and the cells of tables."""

import html
import re

_LONGER = 45  # characters: a word this long (longer than a commit) does not fit into a line of a table
_LONG = 25  # characters: a table may break a word this long, so that it does not push the next column out of sight


def sentence(text: str) -> str:
    """A sentence as HTML. Text between backticks becomes code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))


def is_long(text: str) -> bool:
    """Whether the text has a word that does not fit into a line of a table, such as an image with its digest."""
    return any(len(word) >= _LONGER for word in text.split())


def cell(text: str) -> str:
    """The text of a table's cell as HTML, character for character. Long words may be broken."""
    return "".join(_breakable(part) if len(part) >= _LONG else html.escape(part) for part in re.split(r"(\s)", text)).replace("\n", "<br>")


def _breakable(word: str) -> str:
    return f'<span style="overflow-wrap:anywhere">{html.escape(word)}</span>'
