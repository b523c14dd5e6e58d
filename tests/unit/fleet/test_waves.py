"""The waves of a fleet, in the words of Ansible's `serial`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollback_lib.errors import ParameterError
from rollback_lib.fleet.waves import sizes, split

WORDS = st.one_of(st.integers(1, 60), st.integers(1, 100).map(lambda percent: f"{percent}%"))


@pytest.mark.parametrize(
    ("serial", "total", "expected"),
    [
        ([1, "10%", "100%"], 50, (1, 5, 50)), ([1, "10%", "100%"], 3, (1, 1, 3)), ([2], 5, (2, 2, 2)), ([1, "10%"], 20, (1, *[2] * 10)),
        ([5], 1, (5,)), ([1], 0, ()),
    ],
)  # fmt: skip
def test_the_last_word_is_repeated_and_percentages_are_of_the_whole_fleet(
    serial: list[int | str], total: int, expected: tuple[int, ...]
) -> None:
    assert sizes(serial, total) == expected


@given(st.lists(WORDS, min_size=1, max_size=4), st.integers(0, 200))
def test_every_stack_is_in_exactly_one_wave(serial: list[int | str], total: int) -> None:
    stacks = list(range(total))
    waves = list(split(stacks, sizes(serial, total)))
    assert [one for wave in waves for one in wave] == stacks
    assert all(waves)


def test_fewer_stacks_than_there_were_leave_the_last_waves_empty() -> None:
    assert list(split(["a", "b"], sizes([1, 1, 1], 3))) == [["a"], ["b"], []]


@pytest.mark.parametrize("serial", [[], [0], [-1], [True], ["0%"], ["101%"], ["ten"], [1.5]])
def test_other_words_are_refused(serial: list[object]) -> None:
    with pytest.raises(ParameterError, match=r"^serial: "):
        sizes(serial, 10)
