"""Meeting: several threads that ask a host at the same time; when all of them wait for an answer, all that they asked goes out at once."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rollback_lib.facts.fact import Fact

Ask = Callable[[Sequence[Fact[Any]]], list[Any]]


class _Waiting:
    """A member that waits for the answers to its facts; `failed` is what kept all from an answer."""

    def __init__(self, facts: Sequence[Fact[Any]]) -> None:
        self.facts = facts
        self.answers: list[Any] | None = None
        self.failed: BaseException | None = None

    @property
    def settled(self) -> bool:
        return self.answers is not None or self.failed is not None


class Meeting:
    """`ask` asks the host; `members` take part, each in a thread of its own, until it leaves."""

    def __init__(self, ask: Ask, members: int) -> None:
        self._ask = ask
        self._members = members
        self._waiting: list[_Waiting] = []
        self._changed = threading.Condition()

    @contextmanager
    def threads(self, parts: Iterable[Callable[[], None]]) -> Iterator[None]:
        """Each part in a thread of its own; they have ended when this ends."""
        threads = [threading.Thread(target=part, daemon=True) for part in parts]
        for one in threads:
            one.start()
        yield
        for one in threads:
            one.join()

    @contextmanager
    def member(self) -> Iterator[None]:
        """Take part until the end of the block."""
        try:
            yield
        finally:
            with self._changed:
                self._members -= 1
                ready = self._ready()
            self._send(ready)

    def round(self, facts: Sequence[Fact[Any]]) -> list[Any]:
        """The answers to these, once every other member waits for some, too. Raises what the asking raised."""
        mine = _Waiting(facts)
        with self._changed:
            self._waiting.append(mine)
            ready = self._ready()
        self._send(ready)
        with self._changed:
            while not mine.settled:
                self._changed.wait()
        if mine.answers is None:
            assert mine.failed is not None
            raise mine.failed
        return mine.answers

    def _ready(self) -> list[_Waiting]:
        """All that wait, if nobody else could come; under the lock only."""
        if len(self._waiting) < self._members:
            return []
        ready, self._waiting = self._waiting, []
        return ready

    def _send(self, ready: list[_Waiting]) -> None:
        if not ready:
            return
        answers: Iterator[Any] = iter(())
        failed: BaseException | None = None
        try:
            answers = iter(self._ask([fact for one in ready for fact in one.facts]))
        except BaseException as error:
            failed = error
        with self._changed:
            for one in ready:
                one.failed = failed
                one.answers = None if failed else [next(answers) for _ in one.facts]
            self._changed.notify_all()
