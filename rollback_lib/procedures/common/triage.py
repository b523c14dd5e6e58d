"""The part of a procedure in triage: what it asks the host, and how it weighs the answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Concatenate, Generic, TypeVar

from rollback_lib.facts.host import Host, Unanswered
from rollback_lib.procedures.common.change import Change
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.common.rows import Row
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.stack.model import Stack

L = TypeVar("L")


def _none(_: object) -> list[Change]:
    return []


def _no_rows(_: object) -> list[Row]:
    return []


@dataclass(frozen=True, kw_only=True)
class Triage(Generic[L]):
    """The part of a procedure in triage. L is the type of its look.

    `situation` is the procedure's row of the decision tree. `look` asks the host what triage needs. It is called once for each part of the
    stack, with the parameters of that part; often it is the procedure's own `document`. L must be a type of its own, since other procedures
    find the look by it (`StackState.of`). `weigh` adds to the finding what speaks for and against it, with points, and its warnings and
    parameters.

    `changes` returns what was changed last. `rows` returns what is wrong that no rollback fixes. `absent` is a reason against the row if
    the stack has no such section; if it is "", there is no row then. `parts` are the parameters of the parts to look at, if these are not
    those of the procedure.

    `explains`: if its finding is sure and fits, that is why a service fails. `suspects`: its finding may fit because of a recent change
    alone, and loses a point if another one explains the failure. `together`: it brings back at once what several others bring back one by
    one, and gains points if more than one of them fits.
    """

    situation: str
    look: Callable[Concatenate[Host, Stack, ...], L]
    weigh: Callable[[Finding, L, StackState, Symptoms], None]
    changes: Callable[[L], Sequence[Change]] = _none
    rows: Callable[[L | Unanswered], Sequence[Row]] = _no_rows
    absent: str = ""
    parts: Callable[[Stack], Sequence[Mapping[str, str]]] | None = None
    explains: bool = False
    suspects: bool = False
    together: bool = False
