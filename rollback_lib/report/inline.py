"""Our own sentences as HTML."""

import html
import re

_LONGER = 45  # characters, more than a commit has, of a word that is broken even where there is room for a commit beside it
_LONG = 25  # characters of a word after which a table may break it, so that it does not push what is beside it out of sight


def sentence(text: str) -> str:
    """A sentence, what stands between backticks in it as code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))


def is_long(text: str) -> bool:
    """Whether a word of it, such as an image with its digest, is longer than a line of a table has place for."""
    return any(len(word) >= _LONGER for word in text.split())


def cell(text: str) -> str:
    """Text of a table, character for character."""
    return "".join(_breakable(part) if len(part) >= _LONG else html.escape(part) for part in re.split(r"(\s)", text)).replace("\n", "<br>")


def _breakable(word: str) -> str:
    return f'<span style="overflow-wrap:anywhere">{html.escape(word)}</span>'
