"""The lock between the workers of a test session."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.quiet import Quiet


class Entered:
    """A thread that enters a block, says so, and stays in it until it is told to leave."""

    def __init__(self, block: Callable[[], AbstractContextManager[None]]) -> None:
        self._block = block
        self.entered, self._left = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._stay, daemon=True)
        self._thread.start()

    def _stay(self) -> None:
        with self._block():
            self.entered.set()
            assert self._left.wait(10)

    def waits(self) -> bool:
        """Whether it has still not entered after a moment."""
        return not self.entered.wait(0.2)

    def leave(self) -> None:
        assert self.entered.wait(10)
        self._left.set()
        self._thread.join(10)


@pytest.fixture
def quiet(tmp_path: Path) -> Quiet:
    return Quiet(tmp_path)


def test_many_share_and_one_is_alone(quiet: Quiet) -> None:
    first, second = Entered(quiet.shared), Entered(quiet.shared)
    assert first.entered.wait(10)
    assert second.entered.wait(10)
    alone = Entered(quiet.alone)
    assert alone.waits()
    first.leave()
    assert alone.waits()
    second.leave()
    assert alone.entered.wait(10)
    other = Entered(quiet.alone)
    assert other.waits()
    alone.leave()
    other.leave()


def test_who_waits_to_be_alone_comes_before_those_who_come_later(quiet: Quiet) -> None:
    """Tests overlap all the time, so it would otherwise wait until the last of them has ended."""
    first = Entered(quiet.shared)
    assert first.entered.wait(10)
    alone = Entered(quiet.alone)
    assert alone.waits()
    later = Entered(quiet.shared)
    assert later.waits()
    first.leave()
    assert alone.entered.wait(10)
    assert later.waits()
    alone.leave()
    later.leave()
