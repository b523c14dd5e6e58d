"""Tables and counts as text."""

from collections.abc import Iterable, Sequence


def lines(rows: Iterable[Sequence[str]]) -> list[str]:
    """The rows of a table as lines. Each column is as wide as its widest cell. All rows must have the same number of cells."""
    known = list(rows)
    widths = [max(map(len, column)) for column in zip(*known, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in known]


def count(number: int, thing: str) -> str:
    """A number with its noun: 1 run, 3 runs."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
