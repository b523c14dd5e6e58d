"""Words of ours as HTML."""

import html
import re

_LONG = 25  # characters of a word after which a table may break it, so that it does not push what is beside it out of sight


def sentence(text: str) -> str:
    """A sentence, what stands between backticks in it as code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))


def cell(text: str) -> str:
    """Text of a table, character for character."""
    return "".join(_breakable(part) if len(part) >= _LONG else html.escape(part) for part in re.split(r"(\s)", text)).replace("\n", "<br>")


def _breakable(word: str) -> str:
    return f'<span style="overflow-wrap:anywhere">{html.escape(word)}</span>'
