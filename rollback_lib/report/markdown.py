"""Pieces of Markdown. Whatever comes from a record is escaped, so that it is shown as it is and links nowhere."""

import re
from collections.abc import Iterable, Iterator, Sequence

# The signs of Markdown and HTML; and the colon in `https://` and the dot in `www.`, by which viewers recognise an address.
_SIGNS = re.compile(r"[\\`*_\[\]<>|~]|:(?=//)|(?<=www)\.", re.IGNORECASE)


def plain(text: object) -> str:
    """A text on one line, with every sign escaped that Markdown or HTML would interpret. Addresses are escaped as well, since viewers turn
    them into links."""
    return _escaped(" ".join(str(text or "").split()))


def _escaped(text: str) -> str:
    return _SIGNS.sub(r"\\\g<0>", text)


def words(sentence: object) -> str:
    """A sentence of this program on one line. Text between backticks becomes code, if it has no sign in it that may end the code or a cell;
    all else is escaped."""
    parts = " ".join(str(sentence or "").split()).split("`")
    if len(parts) % 2 == 0:  # a backtick without another
        return plain(sentence)
    return "".join(_code(part) if number % 2 else _escaped(part) for number, part in enumerate(parts))


def _code(text: str) -> str:
    return _escaped(text) if re.search(r"[<|\\]", text) or not text.strip() else f"`{text}`"


def section(title: str, *blocks: Iterable[str]) -> Iterator[str]:
    """A heading, and blocks of lines with a line between them. Blocks without lines are left out."""
    yield from (f"## {title}", "")
    for block in blocks:
        lines = list(block)
        if lines:
            yield from (*lines, "")


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table, whose cells are Markdown; nothing without rows."""
    known = list(rows)
    if known:
        yield f"| {' | '.join(headers)} |"
        yield "|" + "---|" * len(headers)
        yield from (f"| {' | '.join(row)} |" for row in known)


def points(sentences: Iterable[object]) -> Iterator[str]:
    """A list of sentences."""
    yield from (f"- {words(sentence)}" for sentence in sentences)


def question(text: str) -> str:
    """What only people know, marked as open."""
    return f"> **Open question:** {text}"
