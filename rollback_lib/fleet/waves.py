"""How a fleet is divided into waves, in the words of Ansible's `serial`."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice, repeat
from typing import TypeVar

from rollback_lib.errors import ParameterError

T = TypeVar("T")


def sizes(serial: Sequence[int | str], total: int) -> tuple[int, ...]:
    """How many stacks each wave of a fleet of `total` has at most. The last word is repeated until all stacks are in a wave.

    A percentage is of the whole fleet, rounded down, and at least one stack. Raises ParameterError.
    """
    if not serial:
        raise ParameterError('serial: at least one wave is expected, such as [1, "10%", "100%"]')
    words = [_size(word, total) for word in serial]
    found: list[int] = []
    for size in chain(words, repeat(words[-1])):
        if sum(found) >= total:
            break
        found.append(size)
    return tuple(found)


def split(stacks: Sequence[T], of: Sequence[int]) -> Iterator[list[T]]:
    """The stacks of each wave, in their order. Waves for which none are left are empty."""
    left = iter(stacks)
    for size in of:
        yield list(islice(left, size))


def _size(word: int | str, total: int) -> int:
    percent = re.fullmatch(r"([1-9]\d?|100)%", word) if isinstance(word, str) else None
    if percent:
        return max(1, total * int(percent[1]) // 100)
    if isinstance(word, int) and not isinstance(word, bool) and word > 0:
        return word
    raise ParameterError(f'serial: a number of stacks, or a percentage such as "10%", is expected, not {word!r}')
