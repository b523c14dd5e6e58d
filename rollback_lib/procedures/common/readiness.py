"""The part of a procedure in readiness: its rows of the report, and its trials, which do not change the stack."""

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
    """A step that ran: how it ended (None if that is not known), how many seconds it took, and the last line of its output."""

    ending: Ending | None
    seconds: float
    last: str

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.ending is not None and self.ending.ok

    @property
    def words(self) -> str:
        """How it ended, and the last line of its output."""
        return f"{self.ending.words if self.ending else 'its end is not known'}: {self.last or 'it said nothing'}"


@dataclass(frozen=True)
class Trials:
    """The trials of a part. `drop` removes what the steps leave, `cleanup` what an interrupted run leaves. `made` is the name of what they
    make, "" if they make nothing to measure."""

    steps: tuple[Step, ...] = ()
    drop: tuple[Command, ...] = ()
    cleanup: tuple[Command, ...] = ()
    made: str = ""


class Measured(Protocol):
    """The measurement of what a trial made. `words` is a summary for people."""

    @property
    def words(self) -> str: ...


@dataclass(frozen=True)
class Seen(Generic[S, T]):
    """Everything from which the rows of one part are made.

    `label` names the procedure and the part, e.g. `database voice`, `name` only the part. `state` and `target` are those of the procedure
    for this part. `look` is the state that triage asks for, `symptoms` what is wrong according to it. `states` are the states of all parts,
    by label, `copies` what earlier runs keep on the host. `tried` are the steps that ran, by name. `made` is the name of what the trial of
    this part made, `measured` its measurement, None if there is none.
    """

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
        """All states of a type. A procedure uses this to read the state of another one."""
        return [one for one in self.states.values() if isinstance(one, kind)]


@dataclass(frozen=True, kw_only=True)
class Readiness(Generic[S, T]):
    """The part of a procedure in readiness, with the types of its state and its target.

    `rank` is the order of procedures in the list of targets, in the trials and in the report. `whole`: its rows are about the whole stack,
    and come before those of all others. `rows` returns the rows of one part, `absent` those of a stack without the section. `state` returns
    the state from the look of triage; if it is None, the procedure's `document` is asked.

    `trials` returns the trials for a state, a target and an incident. `untried` is the step in their place if there are none, for a trial
    that has a cell of its own in the notebook. `measure` measures what a trial made, before it is dropped; it is given the name in
    `Trials.made`. `keeping` is the file that a mark and a readiness run keep.
    """

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
    """The row of a trial step. `do` says what to do if it failed."""
    if one is None:
        return Row(name, AMBER, NOT_TRIED, "run it with --apply: it changes nothing that serves")
    if one.ok:
        return Row(name, GREEN, f"{well}, in {times.exactly(one.seconds)}")
    return Row(name, RED, f"{ill}, {one.words}", do)
