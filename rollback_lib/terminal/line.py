"""A line that is shown: what it says, how it is to be taken, and how it is laid out in so many columns."""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rollback_lib.secrets.redactor import clean
from rollback_lib.text import times

INDENT = 2  # columns
_NARROWEST = 24  # columns that a text that is not shorter needs beside its name; with fewer it stands below
_LONGEST_NAME = 40  # columns of a table that its names are padded to


class Tone(StrEnum):
    """How a line is to be taken. Each of the first five has a sign, so that a colour is never all that tells."""

    PLAIN = "plain"
    RUNS = "runs"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    QUIET = "quiet"
    TITLE = "title"
    CODE = "code"
    ADDED = "added"
    REMOVED = "removed"


SIGNS = {Tone.PLAIN: "●", Tone.RUNS: "▶", Tone.GOOD: "✔", Tone.WARN: "▲", Tone.BAD: "✘"}


@dataclass(frozen=True)
class Line:
    """`at` is when it happened; None for a line that belongs to the one above, which is indented. `name` stands before the text.
    The text may have several lines."""

    text: str
    tone: Tone = Tone.QUIET
    at: datetime | None = None
    name: str = ""
    depth: int = 1


@dataclass(frozen=True)
class Row:
    """A row of the screen: its margin, what leads (a sign, a name), and the text, in the line's tone."""

    margin: str
    lead: str
    text: str
    tone: Tone

    def __str__(self) -> str:
        return f"{self.margin}{self.lead}{self.text}".rstrip()


def laid_out(line: Line, width: int | None) -> Iterator[Row]:
    """The rows of a line, freed of secrets and of what could act on a terminal. They are wrapped between words; a word that is longer
    than the screen stays whole, for the terminal to fold. `width` is None where nothing is wrapped, as in a log: there an event has
    one row."""
    sign = f"{SIGNS[line.tone]} " if line.tone in SIGNS else ""
    margin = f"{times.clock(line.at)} " if line.at else " " * INDENT * line.depth
    lead, text = f"{sign}{clean(line.name)}", clean(line.text)
    if width is None:
        rows = [" ".join(text.split("\n"))] if line.at else text.split("\n")
    else:
        hang = len(margin) + len(lead)
        if line.name and width - hang < min(_NARROWEST, len(text)):
            yield Row(margin, lead.rstrip(), "", line.tone)
            margin, lead, hang = " " * (len(margin) + INDENT), "", len(margin) + INDENT
        rows = [row for part in text.split("\n") for row in _wrapped(part.expandtabs(4), width - hang, line.tone)]
    for number, row in enumerate(rows):
        yield Row(" " * len(margin), " " * len(lead), row, line.tone) if number else Row(margin, lead, row, line.tone)


def table(rows: Iterable[tuple[Tone, str, str]], depth: int = 1) -> list[Line]:
    """A line for each row: tone, name and text, the texts below each other."""
    known = list(rows)
    signed = any(tone in SIGNS for tone, _, _ in known)
    widest = min(max((len(name) for _, name, _ in known), default=0), _LONGEST_NAME)
    return [
        Line(text, tone, name=("" if tone in SIGNS or not signed else "  ") + name.ljust(widest) + "  ", depth=depth)
        for tone, name, text in known
    ]  # fmt: skip


def _wrapped(text: str, width: int, tone: Tone) -> list[str]:
    again = " " * INDENT if tone is Tone.CODE else ""
    return textwrap.wrap(
        text, max(width, 1), break_long_words=False, break_on_hyphens=False, replace_whitespace=False, subsequent_indent=again
    ) or [""]  # fmt: skip
