"""What differs between the plans of a fleet: stacks with the same commands are one group."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rollback_lib.fleet.outcome import Kind, Outcome


@dataclass(frozen=True)
class Group:
    """Stacks whose plans are the same, commands and target; `name` is a letter or two. `differs` are the lines by which their plan differs
    from that of the largest group, empty for that."""

    name: str
    outcomes: Sequence[Outcome]
    differs: Sequence[str]

    @property
    def first(self) -> Outcome:
        return self.outcomes[0]


def groups(outcomes: Iterable[Outcome]) -> tuple[Group, ...]:
    """The groups of the stacks that have a plan, the largest first."""
    found: dict[tuple[str | None, str], list[Outcome]] = {}
    for one in outcomes:
        if one.kind is Kind.PLANNED:
            found.setdefault((one.target, one.comparable), []).append(one)
    ordered = sorted(found.values(), key=len, reverse=True)
    return tuple(Group(_letters(number), of, _differs(ordered[0][0], of[0])) for number, of in enumerate(ordered))


def _differs(common: Outcome, other: Outcome) -> tuple[str, ...]:
    lines = difflib.unified_diff(common.comparable.splitlines(), other.comparable.splitlines(), n=0, lineterm="")
    return tuple(line for line in lines if not line.startswith(("---", "+++", "@@")))


def _letters(number: int) -> str:
    """A, B, … Z, AA, AB, …"""
    before, last = divmod(number, 26)
    return (_letters(before - 1) if before else "") + chr(ord("A") + last)
