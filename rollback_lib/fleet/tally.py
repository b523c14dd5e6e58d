"""How a fleet fares: failures are counted over all of its stacks, not wave by wave."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rollback_lib.fleet.outcome import Kind, Outcome
from rollback_lib.text import tables


@dataclass(frozen=True)
class Tally:
    """The newest outcome of each of the `total` stacks of a fleet, as far as there is one."""

    outcomes: Sequence[Outcome]
    total: int

    @classmethod
    def of(cls, *rounds: Iterable[Outcome], total: int) -> "Tally":
        """Of several rounds, such as the plans and then each wave: what a stack came to later counts."""
        return cls(tuple({one.stack: one for outcomes in rounds for one in outcomes}.values()), total)

    @property
    def failed(self) -> tuple[Outcome, ...]:
        return tuple(one for one in self.outcomes if one.failed)

    @property
    def done(self) -> tuple[Outcome, ...]:
        """Those that were rolled back."""
        return tuple(one for one in self.outcomes if one.kind is Kind.DONE)

    @property
    def open(self) -> int:
        """How many stacks are neither done, nor failed, nor need anything."""
        return self.total - sum(one.failed or one.kind in (Kind.DONE, Kind.NOTHING) for one in self.outcomes)

    def beyond(self, percentage: float) -> bool:
        """Whether more have failed than is allowed, in percent of the whole fleet."""
        return len(self.failed) * 100 > percentage * self.total

    @property
    def words(self) -> str:
        """How many came to what: 46 done, 1 locked, 1 unreachable, of 50 stacks."""
        kinds = Counter(one.kind for one in self.outcomes)
        known = ", ".join(f"{kinds[kind]} {kind}" for kind in Kind if kinds[kind])
        return f"{known or 'nothing known'}, of {tables.count(self.total, 'stack')}"
