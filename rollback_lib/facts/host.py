"""Host: asked for facts, it promises answers. The first answer that is read sends everything asked until then, in one
round trip.

So a function states its questions, then uses the answers:

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
    """A part that came to no end, and why."""

    why: str


class Answer(Generic[T]):
    """What the host will have said."""

    def __init__(self, send: Callable[[], None]) -> None:
        self._send = send
        self._settled = False
        self._value: T | BaseException

    @classmethod
    def known(cls, value: T) -> "Answer[T]":
        """One that nobody need be asked for."""
        answer = cls(lambda: None)
        answer.settle(value)
        return answer

    def result(self) -> T:
        """The answer; the host is asked for it now, unless it was. Raises Refused where it gave none, LinkLost."""
        if not self._settled:
            self._send()
        if isinstance(self._value, BaseException):
            raise self._value
        return self._value

    def settle(self, value: T | BaseException) -> None:
        """Let this be the answer; an exception is raised to whoever looks at it."""
        self._value, self._settled = value, True


def result_of(answer: Answer[T] | None) -> T | None:
    """The answer to a question, None where it was not asked."""
    return answer.result() if answer else None


class Host:
    """A host that can be asked, by one thread. `key` is the run's, of the hashes by which secrets are compared."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self._asked: list[tuple[Fact[Any], Answer[Any]]] = []
        self._parts: list[tuple[Callable[[Host], Any], Answer[Any]]] = []

    def ask(self, fact: Fact[T]) -> Answer[T]:
        """The promise of a fact."""
        answer: Answer[T] = Answer(self._send)
        self._asked.append((fact, answer))
        return answer

    def beside(self, part: "Callable[Concatenate[Host, P], T]", *args: P.args, **options: P.kwargs) -> "Answer[T | Unanswered]":
        """The promise of what a function makes of its own questions. What such parts ask at the same time is asked in one round trip;
        one that is refused is Unanswered, and keeps no other from its end."""
        answer: Answer[T | Unanswered] = Answer(self._send)
        self._parts.append((lambda host: part(host, *args, **options), answer))
        return answer

    def round(self, facts: Sequence[Fact[Any]]) -> list[Any]:
        """The answers to these, asked at once: for each its value, or the Refused that it was."""
        raise NotImplementedError

    def _send(self) -> None:
        asked, self._asked = self._asked, []
        parts, self._parts = self._parts, []
        if not parts:
            return self._settle(asked, self.round)
        meeting = Meeting(self.round, len(parts) + bool(asked))
        with meeting.threads(lambda one=one: self._lead(meeting, *one) for one in parts):  # type: ignore[misc]
            if asked:
                with meeting.member():
                    self._settle(asked, meeting.round)
        return None

    def _settle(self, asked: list[tuple[Fact[Any], Answer[Any]]], ask: Callable[[Sequence[Fact[Any]]], list[Any]]) -> None:
        try:
            heard = ask([fact for fact, _ in asked])
        except BaseException as error:
            heard = [error] * len(asked)
        for (_, answer), value in zip(asked, heard, strict=True):
            answer.settle(value)

    def _lead(self, meeting: Meeting, part: "Callable[[Host], Any]", answer: Answer[Any]) -> None:
        with meeting.member():
            try:
                answer.settle(part(_Member(self.key, meeting)))
            except Refused as error:
                answer.settle(Unanswered(str(error)))
            except BaseException as error:
                answer.settle(error)


class _Member(Host):
    """The host as a part sees it: what it asks waits for what the other parts ask."""

    def __init__(self, key: Key, meeting: Meeting) -> None:
        super().__init__(key)
        self._meeting = meeting

    def round(self, facts: Sequence[Fact[Any]]) -> list[Any]:
        return self._meeting.round(facts)
