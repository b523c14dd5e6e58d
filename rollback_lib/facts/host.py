"""Host: asks a host for facts, and returns each answer as a future. The first `result()` sends everything that was asked until then, in
one round trip.

So a function first asks all its questions, then uses the answers:

    head, log = host.ask(git.head(tree)), host.ask(git.log(tree))
    return State(head.result(), log.result())
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from rollback_lib.errors import Refused
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.meeting import Meeting
from rollback_lib.secrets.secret import Key

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True)
class Unanswered:
    """A part of the questions was refused, and why. See `Host.beside`."""

    why: str


class Answer(Generic[T]):
    """The future answer to a question."""

    def __init__(self, send: Callable[[], None]) -> None:
        self._send = send
        self._settled = False
        self._value: T | BaseException

    @classmethod
    def known(cls, value: T) -> "Answer[T]":
        """An answer that is known without asking the host."""
        answer = cls(lambda: None)
        answer.settle(value)
        return answer

    def result(self) -> T:
        """The answer. The host is asked now, unless it was asked before. Raises Refused if the host gave no answer, LinkLost."""
        if not self._settled:
            self._send()
        if isinstance(self._value, BaseException):
            raise self._value
        return self._value

    def settle(self, value: T | BaseException) -> None:
        """Set the answer. If it is an exception, `result` raises it."""
        self._value, self._settled = value, True


def result_of(answer: Answer[T] | None) -> T | None:
    """The result of `answer`; None for a question that was not asked."""
    return answer.result() if answer else None


class Host:
    """A host that can be asked for facts, by one thread. `key` makes the run's hashes of secrets, by which they are compared."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self._asked: list[tuple[Fact[Any], Answer[Any]]] = []
        self._parts: list[tuple[Callable[[Host], Any], Answer[Any]]] = []

    def ask(self, fact: Fact[T]) -> Answer[T]:
        """Ask for a fact, and return its future answer."""
        answer: Answer[T] = Answer(self._send)
        self._asked.append((fact, answer))
        return answer

    def beside(self, part: "Callable[Concatenate[Host, P], T]", *args: P.args, **options: P.kwargs) -> "Answer[T | Unanswered]":
        """Let the function `part` ask questions of its own, side by side with other parts, and return its future result.

        `part` is called with a host to ask, `args` and `options`. What the parts ask at the same time goes out in one round trip. If a
        part raises Refused, its result is Unanswered, and the other parts continue.
        """
        answer: Answer[T | Unanswered] = Answer(self._send)
        self._parts.append((lambda host: part(host, *args, **options), answer))
        return answer

    def round(self, facts: Sequence[Fact[Any]]) -> list[Any]:
        """Ask for these facts in one round trip. Returns for each, in order, its answer or the Refused error."""
        raise NotImplementedError

    def _send(self) -> None:
        asked, self._asked = self._asked, []
        parts, self._parts = self._parts, []
        if not parts:
            return self._settle(asked, self.round)
        meeting = Meeting(self.round, len(parts) + bool(asked))
        with meeting.threads(lambda item=item: self._run_part(meeting, *item) for item in parts):  # type: ignore[misc]
            if asked:
                with meeting.member():
                    self._settle(asked, meeting.round)
        return None

    def _settle(self, asked: list[tuple[Fact[Any], Answer[Any]]], ask: Callable[[Sequence[Fact[Any]]], list[Any]]) -> None:
        try:
            values = ask([fact for fact, _ in asked])
        except BaseException as error:
            values = [error] * len(asked)
        for (_, answer), value in zip(asked, values, strict=True):
            answer.settle(value)

    def _run_part(self, meeting: Meeting, part: "Callable[[Host], Any]", answer: Answer[Any]) -> None:
        with meeting.member():
            try:
                answer.settle(part(_Member(self.key, meeting)))
            except Refused as error:
                answer.settle(Unanswered(str(error)))
            except BaseException as error:
                answer.settle(error)


class _Member(Host):
    """The host that a part asks. Its questions go out together with those of the other parts."""

    def __init__(self, key: Key, meeting: Meeting) -> None:
        super().__init__(key)
        self._meeting = meeting

    def round(self, facts: Sequence[Fact[Any]]) -> list[Any]:
        return self._meeting.round(facts)
