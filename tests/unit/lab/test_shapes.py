"""Shapes of practice hosts, and the matrix of them."""

from datetime import date
from itertools import combinations

import pytest

from lab.shapes import DIMENSIONS, LAB, SEEDED, check, parse
from rollback_lib.errors import ParameterError
from tests.acceptance.hosts.matrix import CELLS, PROCEDURES, SHAPES, SHORT, VALUES
from tests.acceptance.hosts.table import page, read


def test_every_value_has_its_script() -> None:
    scripts = {(file.parent.name, file.stem) for file in (LAB / "shapes").glob("*/*.sh")}
    assert scripts == {(name, value) for name, values in DIMENSIONS.items() for value in values if value != SEEDED[name]}


def test_a_shape_is_read_in_the_order_in_which_it_is_made() -> None:
    assert list(parse("shell=fish,user=deploy,git=plain").items()) == [("user", "deploy"), ("shell", "fish")]


@pytest.mark.parametrize(
    ("text", "said"), [("colour=red", "no dimension 'colour'"), ("user=eve", "there is no 'eve'"), ("", "no dimension ''")]
)
def test_wrong_words_are_named(text: str, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        parse(text)


def test_every_pair_of_values_is_on_one_host() -> None:
    wanted = {
        pair
        for one, other in combinations(VALUES, 2)
        for left in VALUES[one]
        for right in VALUES[other]
        for pair in [(one, left, other, right)]
    }
    named = [dict(zip(VALUES, shape, strict=True)) for shape in SHAPES]
    assert wanted == {(one, shape[one], other, shape[other]) for shape in named for one, other in combinations(VALUES, 2)}


def test_what_make_test_looks_at() -> None:
    """Eight cells, in which every procedure is, and every value of what is most often other: user, shell and layout."""
    assert len(SHORT) == 8
    assert set(SHORT) <= set(CELLS)
    assert {cell.procedure for cell in SHORT} == set(PROCEDURES)
    seen = [dict(zip(DIMENSIONS, cell.shape, strict=True)) for cell in SHORT]
    for name in ("shell", "git", "replicas", "layout", "user"):
        assert {one[name] for one in seen} >= set(VALUES[name]) - {SEEDED[name]}
    assert check(seen[0]) == {name: value for name, value in seen[0].items() if value != SEEDED[name]}


def test_the_page_says_how_each_cell_ended_and_why_it_was_refused() -> None:
    first, second, third = [cell for cell in CELLS if cell.shape == SHAPES[0]][-3:]
    ends = {third: "refused: it is read-only", second: "ok", first: "refused: it is read-only"}
    text = page(ends, date(2026, 11, 24))
    assert f"until 2026-11-24, in 3 of the {len(CELLS)} cells" in text
    assert " | refused (1) | ok | refused (1) |\n" in text
    assert "\n1. it is read-only.\n" in text
    assert "| shell | fish | fish as the login shell. |" in text
    assert read(text) == ends, "a run of some cells leaves the others as the page has them"
