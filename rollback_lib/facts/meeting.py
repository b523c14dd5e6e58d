"""Meeting: several threads ask a host together. Once all of them wait for an answer, their questions go out in one round trip."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rollback_lib.facts.fact import Fact

Ask = Callable[[Sequence[Fact[Any]]], list[Any]]


class _Waiting:
    """A member that waits for the answers to its facts. `failed` is the error for which nobody got an answer."""

    def __init__(self, facts: Sequence[Fact[Any]]) -> None:
        self.facts = facts
        self.answers: list[Any] | None = None
        self.failed: BaseException | None = None

    @property
    def settled(self) -> bool:
        return self.answers is not None or self.failed is not None


class Meeting:
    """A meeting of so many `members`, each in a thread of its own. `ask` asks the host for the facts of all."""

    def __init__(self, ask: Ask, members: int) -> None:
        self._ask = ask
        self._members = members
        self._waiting: list[_Waiting] = []
        self._changed = threading.Condition()

    @contextmanager
    def threads(self, parts: Iterable[Callable[[], None]]) -> Iterator[None]:
        """Run each part in a thread of its own, and wait for all of them at the end of the block."""
        threads = [threading.Thread(target=part, daemon=True) for part in parts]
        for thread in threads:
            thread.start()
        yield
        for thread in threads:
            thread.join()

    @contextmanager
    def member(self) -> Iterator[None]:
        """Take part in the meeting until the end of the block."""
        try:
            yield
        finally:
            with self._changed:
                self._members -= 1
                ready = self._ready()
            self._send(ready)

    def round(self, facts: Sequence[Fact[Any]]) -> list[Any]:
        """The answers to these facts, once every other member waits for answers as well. Raises what `ask` raised."""
        waiting = _Waiting(facts)
        with self._changed:
            self._waiting.append(waiting)
            ready = self._ready()
        self._send(ready)
        with self._changed:
            while not waiting.settled:
                self._changed.wait()
        if waiting.answers is None:
            assert waiting.failed is not None
            raise waiting.failed
        return waiting.answers

    def _ready(self) -> list[_Waiting]:
        """The waiting members if all members wait, else none. Call it under the lock only."""
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
            answers = iter(self._ask([fact for waiting in ready for fact in waiting.facts]))
        except BaseException as error:
            failed = error
        with self._changed:
            for waiting in ready:
                waiting.failed = failed
                waiting.answers = None if failed else [next(answers) for _ in waiting.facts]
            self._changed.notify_all()
