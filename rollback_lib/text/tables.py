"""Tables and numbers of things, as text."""

from collections.abc import Iterable, Sequence


def lines(rows: Iterable[Sequence[str]]) -> list[str]:
    """A line for each row, the columns of all as wide as their widest cell; rows have as many cells as each other."""
    known = list(rows)
    widths = [max(map(len, column)) for column in zip(*known, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in known]


def count(number: int, thing: str) -> str:
    """So many of a thing: 1 run, 3 runs."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
