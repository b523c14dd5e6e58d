"""Tables and numbers of things, as text."""

import pytest

from rollback_lib.text import tables


def test_columns_are_as_wide_as_their_widest_cell_and_no_line_ends_in_spaces() -> None:
    assert tables.lines([("incident", "verdict"), ("3f2a9c", "succeeded"), ("1", "")]) == ["incident  verdict", "3f2a9c    succeeded", "1"]


def test_no_rows_are_no_lines() -> None:
    assert tables.lines([]) == []


def test_rows_of_different_lengths_are_no_table() -> None:
    with pytest.raises(ValueError, match="zip"):
        tables.lines([("a", "b"), ("c",)])


@pytest.mark.parametrize(("number", "words"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (1200, "1,200 runs")])
def test_one_is_not_several(number: int, words: str) -> None:
    assert tables.count(number, "run") == words
