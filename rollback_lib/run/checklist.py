"""The runbook's checklist before a rollback. It is answered from what the run knows, shown with every plan and kept in the record."""

from collections.abc import Collection
from dataclasses import dataclass

from rollback_lib.errors import ParameterError
from rollback_lib.plan.plan import Plan
from rollback_lib.stack.model import Stack

STATE, CHANGE, TARGET, PEOPLE, DRIFT = "state", "change", "target", "people", "drift"
VOUCHED = (CHANGE, TARGET, PEOPLE, DRIFT)  # what a person can answer; only the host can answer STATE


@dataclass(frozen=True)
class Point:
    """One point: its question, what is known, and whether that answers it. Apply is refused while a `required` point is open."""

    name: str
    question: str
    answer: str
    answered: bool
    required: bool


@dataclass(frozen=True)
class Checklist:
    """The points; and the notice `word` that is sent when the run begins, with the names of those who get it (`told`)."""

    points: tuple[Point, ...]
    word: str = ""
    told: tuple[str, ...] = ()

    @property
    def refusing(self) -> list[Point]:
        """The points that are open and have to be answered before anything is changed."""
        return [point for point in self.points if point.required and not point.answered]


def checked(text: object) -> tuple[str, ...]:
    """The points that a person vouches for. `text` has their names, separated by commas. Raises ParameterError for an unknown name."""
    words = [word.strip() for word in str(text).split(",") if word.strip()]
    unknown = [word for word in words if word not in VOUCHED]
    if not isinstance(text, str) or unknown:
        raise ParameterError(f"checked: names of {', '.join(VOUCHED)}, separated by commas, are expected, not {text!r}")
    return tuple(words)


def checklist(
    stack: Stack, plan: Plan, documented: str, vouched: Collection[str], who: str, word: str, unset: Collection[str]
) -> Checklist:
    """The checklist of a plan. `documented` says which parts of the state are in the record, "" for none. `vouched` are the points for
    which `who` vouches. `word` is the notice for when the run begins. `unset` are the entries of the stack's `notify` whose address
    is not set on this machine."""
    rationale = plan.rationale
    doubted = rationale.stable is False
    told = tuple(entry.words for entry in stack.notify)
    reached = [person for person in told if person not in unset]
    rows = [
        (STATE, "Is what is broken documented?", documented or "not yet: run the cell of section 2", bool(documented), True),
        (CHANGE, "Which change is reverted?", rationale.change or "not known", bool(rationale.change), CHANGE in stack.required),
        (TARGET, "Is the target known to be stable?", rationale.target or "nothing is known of it", bool(rationale.stable),
         doubted or TARGET in stack.required),
        (PEOPLE, "Is everyone affected told?", _people(reached, unset), bool(reached), PEOPLE in stack.required),
    ]  # fmt: skip
    if plan.drift:
        rows.append((DRIFT, "Do the files define what the containers have?", "; ".join(plan.drift), False, True))
    points = []
    for name, question, answer, answered, required in rows:
        by_hand = not answered and name in vouched
        points.append(Point(name, question, f"{answer}; {who} vouches for it" if by_hand else answer, answered or by_hand, required))
    return Checklist(tuple(points), word if told else "", told)


def _people(reached: Collection[str], unset: Collection[str]) -> str:
    lost = [f"{name} is not set" for name in unset]
    if reached:
        return "; ".join([f"by {', '.join(reached)}, at start and end", *lost])
    return "; ".join(lost) if lost else "nobody is notified (no `notify` in the stack): tell them yourself"
