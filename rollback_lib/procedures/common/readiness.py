"""What a procedure brings to a readiness run: its rows of the report, and what can be tried of it beside what serves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from rollback_lib.commands.command import Command
from rollback_lib.facts.host import Host, Unanswered
from rollback_lib.host.ending import Ending
from rollback_lib.plan.step import Step
from rollback_lib.procedures.common import retention
from rollback_lib.procedures.common.rows import AMBER, GREEN, RED, Row
from rollback_lib.procedures.common.running_file import Keeping
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

S = TypeVar("S")
T = TypeVar("T")
K = TypeVar("K")
NOT_TRIED = "not tried: mode is plan"
REMEMBER, DROP = "remember", "drop"  # the steps that keep what is healthy, and remove what was made for trial


@dataclass(frozen=True)
class Tried:
    """A step as it ran: how it ended (None: that is not known), seconds, and the last line it said."""

    ending: Ending | None
    seconds: float
    last: str

    @property
    def ok(self) -> bool:
        """Whether it did what it was to do."""
        return self.ending is not None and self.ending.ok

    @property
    def words(self) -> str:
        """How it ended, and what it said last."""
        return f"{self.ending.words if self.ending else 'its end is not known'}: {self.last or 'it said nothing'}"


@dataclass(frozen=True)
class Trials:
    """`steps` are what is tried; `drop` removes what they leave, `cleanup` what a run leaves that ends in their midst. `made` names what is
    there in the meantime, "" for nothing."""

    steps: tuple[Step, ...] = ()
    drop: tuple[Command, ...] = ()
    cleanup: tuple[Command, ...] = ()
    made: str = ""


class Measured(Protocol):
    """What a trial made, as it was measured; `words` are for people."""

    @property
    def words(self) -> str: ...


@dataclass(frozen=True)
class Seen(Generic[S, T]):
    """All that the rows of one part of a stack are made of.

    `label` is the part with its procedure, e.g. `database voice`, `name` its own name; `state` and `target` are the procedure's. `look` is
    what triage looked at, `symptoms` what is wrong by that; `states` are those of all parts by their labels, `copies` what earlier runs
    keep on the host. `tried` are the steps that ran, by name; `made` is the name of what the trial of this part made, `measured` what
    was found there, None where nobody looked."""

    label: str
    name: str
    state: S | Unanswered
    target: T | Unanswered
    look: StackState
    symptoms: Symptoms
    states: Mapping[str, Any]
    copies: retention.Copies | Unanswered
    tried: Mapping[str, Tried]
    made: str
    measured: Any

    def every(self, kind: type[K]) -> list[K]:
        """The states of that type, which is how a procedure reads that of another one."""
        return [one for one in self.states.values() if isinstance(one, kind)]


@dataclass(frozen=True, kw_only=True)
class Readiness(Generic[S, T]):
    """`rank` orders what each procedure would go back to, its trials and its rows; rows of the `whole` stack come before all others.

    `rows` say whether the part could be rolled back right now; `absent` makes those of a stack without the section. `state` takes the
    state out of what triage looked at, where that has it.

    `trials` try the way back, and change nothing that serves; `untried` is the step that stands where there is nothing to try. `measure`
    looks at what a trial made, the name of which it is given, before that is dropped. `keeping` is the file that is kept with what
    runs, by a mark as well."""

    rank: int
    rows: Callable[[Seen[S, T]], Sequence[Row]]
    absent: Callable[[Stack], Sequence[Row]] = lambda stack: ()
    state: Callable[[Any], S] | None = None
    whole: bool = False
    trials: Callable[[S, T, str], Trials] = lambda state, target, incident: Trials()
    untried: Step | None = None
    measure: Callable[[Host, S, T, str], Measured] | None = None
    keeping: Keeping | None = None


def trial_row(name: str, well: str, ill: str, one: Tried | None, do: str) -> Row:
    """The row of a step; `do` is for one that failed."""
    if one is None:
        return Row(name, AMBER, NOT_TRIED, "run it with --apply: it changes nothing that serves")
    if one.ok:
        return Row(name, GREEN, f"{well}, in {times.exactly(one.seconds)}")
    return Row(name, RED, f"{ill}, {one.words}", do)
