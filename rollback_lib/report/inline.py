"""Short texts as HTML: sentences, and the cells of tables."""

import html
import re
from datetime import UTC, datetime

from rollback_lib.text import times

_PARTS = re.compile(r"(`[^`]*`|\S{25,})")  # code, and words that a table may break, so that they push no column out of sight
_LONGER = 45  # characters: a word this long (longer than a commit) does not fit into a line of a table
_SHOWN = 12  # characters of a hash in a table
_TIME = re.compile(r"\b(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?) UTC\b")
_HASH = re.compile(r"\b(?:sha256:)?([0-9a-f]{64}|[0-9a-f]{40})\b")


def sentence(text: str) -> str:
    """A sentence as HTML. Text between backticks becomes code; a time in UTC stays on one line, with the time of this machine beside it."""
    parts = re.split(r"`([^`]*)`", text)
    return "".join(f"<code>{html.escape(part)}</code>" if number % 2 else _timed(part) for number, part in enumerate(parts))


def _timed(text: str) -> str:
    return _TIME.sub(lambda found: f'<span style="white-space:nowrap">{found[0]}{_beside(found[1])}</span>', html.escape(text))


def _beside(moment: str) -> str:
    try:
        return times.beside(datetime.fromisoformat(moment).replace(tzinfo=UTC))
    except ValueError:  # a text that only looks like a time
        return ""


def is_long(text: str) -> bool:
    """Whether the text has a word that does not fit into a line of a table, such as an image with its digest."""
    return any(len(word) >= _LONGER for word in text.split())


def cell(text: str) -> str:
    """The text of a table's cell as HTML, as a sentence. Long words may be broken; of a hash only the beginning is shown, and the whole
    when one points at it."""
    return "<br>".join(map(_line, text.split("\n")))


def _line(text: str) -> str:
    parts = _PARTS.split(text)
    return "".join(_word(part) if number % 2 else sentence(part) for number, part in enumerate(parts))


def _word(word: str) -> str:
    """A part of a line that is code, or a long word."""
    if word.startswith("`") and word.endswith("`") and len(word) > 1:
        return sentence(word)
    if whole := _HASH.fullmatch(word):
        return f'<span title="{word}" style="white-space:nowrap">{whole[1][:_SHOWN]}…</span>'
    return f'<span style="overflow-wrap:anywhere">{html.escape(word)}</span>'
