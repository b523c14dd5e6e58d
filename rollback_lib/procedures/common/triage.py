"""What a procedure brings to a triage: what it looks at, and what that says of its row of the page."""

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
    """`situation` is the procedure's row of the page. `look` asks what triage needs, of each part of the stack with that part's
    parameters; often it is the procedure's own `document`. What it answers is a type of its own, by which other procedures find it in a
    StackState. `weigh` adds to the row what speaks for it and against it, and its warnings and parameters.

    `changes` says what was changed last, `rows` what is amiss that no rollback fixes. `absent` speaks against the row where the stack has
    no such section; where it is "", the row is left out. `parts` are the parameters of the parts that are looked at, where these are others
    than the procedure's.

    `explains`: a row that surely fits says why a service is ill. `suspects`: a row may fit for a recent change alone, and does not where
    another explains what is seen."""

    situation: str
    look: Callable[Concatenate[Host, Stack, ...], L]
    weigh: Callable[[Finding, L, StackState, Symptoms], None]
    changes: Callable[[L], Sequence[Change]] = _none
    rows: Callable[[L | Unanswered], Sequence[Row]] = _no_rows
    absent: str = ""
    parts: Callable[[Stack], Sequence[Mapping[str, str]]] | None = None
    explains: bool = False
    suspects: bool = False
