"""Procedure: everything that the rest of the project knows about a procedure. A procedure never opens a connection; it asks the host
that it is given."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, Generic, TypeVar

from rollback_lib.commands.command import Command
from rollback_lib.errors import ParameterError
from rollback_lib.facts.host import Host
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Loss, Plan
from rollback_lib.plan.step import Step
from rollback_lib.stack.model import Section, Stack

S = TypeVar("S")
T = TypeVar("T")
Effects = Callable[[Host, Stack, Plan], list[Effect]]


@dataclass(frozen=True)
class Redo:
    """How to do a rollback again after its undo. `keep` are commands to run before the undo. `steps` lead from the state before the
    run to the state after it."""

    keep: tuple[Command, ...]
    steps: tuple[Step, ...]


def same_steps(stack: Stack, plan: Plan, incident: str) -> Redo:
    """Do it again with the same steps as in the run. What they need is still kept: the images under rollback/ tags, and the file that
    was put in place."""
    return Redo((), tuple(step for step in plan.steps if step.touches and not step.skip))


@dataclass(frozen=True)
class Drill:
    """How the practice host is broken for a drill, so that the procedure has something to fix.

    `scenario` is a shell script that runs on the practice host. `says` is a sentence on what it breaks. `answers` is a pattern for the
    status that the first route then has. `parameters` are given to the notebook. `brings` are files of this machine that the host
    needs, by their path there. `prepare` is a script that makes the host ready. `stack` holds further keys for its stack file; routes
    in it come before the others.
    """

    scenario: Path
    says: str
    answers: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    brings: Mapping[str, Path] = field(default_factory=dict)
    prepare: Path | None = None
    stack: Mapping[str, Any] = field(default_factory=dict)


def _nothing(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    return []


def _only_looks(*_: Any, **__: Any) -> Any:
    raise ParameterError("this procedure only looks, and has no target and no plan")


@dataclass(frozen=True, kw_only=True)
class Procedure(Generic[S, T]):
    """A procedure. It defines its own types for its state, S, and its target, T.

    `size` ranks procedures. If several would help, triage offers the one with the least size first, since it changes least.
    `check` checks the procedure's own parameters before anything is contacted. It raises ParameterError.
    `document` returns the present state. `examine` returns the target, proven as far as is possible without changing anything; it
    raises TargetRefused. `plan` returns the way from the state to the target; it raises Refused if something would be lost.
    `effects` compares what the rollback asks for with the host, `undo_effects` the state before the rollback, and `assumed` the state
    that the plan assumes before its first change.
    `weigh` lists what a step with losses would lose, for a run that resumes a plan. Only procedures with such steps need it.
    `redo` returns how to do the rollback again after an undo. `hashes` is True if the plan compares secrets by hashes that are valid
    in one run only. `undo_notes` returns what to know before an undo.
    `views` is the name of the module whose VIEWS and CHOICES a notebook shows.

    `parts` are the parameters that name the parts of a stack it applies to: `[{}]` for the whole of it, none where the stack has no such
    section, one for each of several databases, files or services. By default it applies once where the stack has its section, if it needs
    one. `looks`: it serves also a user who may not change anything.

    `triage` and `readiness` are the names of the modules whose TRIAGE and READINESS it brings to these. A run of another procedure does
    not load them.

    For a procedure of another package: `section` is its section in a stack, under `procedures`, which has its budget, too; `notebook`
    its notebook; `drill` breaks the practice host.
    """

    name: str
    size: int
    check: Callable[Concatenate[Stack, ...], None]
    document: Callable[Concatenate[Host, Stack, ...], S]
    examine: Callable[Concatenate[Host, S, str, ...], T] = _only_looks
    plan: Callable[Concatenate[S, T, ...], Plan] = _only_looks
    effects: Effects = _nothing
    undo_effects: Effects = _nothing
    assumed: Effects = _nothing
    weigh: Callable[[Host, Stack, Plan], Loss] = _only_looks
    redo: Callable[[Stack, Plan, str], Redo] = same_steps
    hashes: bool = False
    undo_notes: Callable[[Plan], tuple[str, ...]] = lambda _: ()
    section: type[Section] | None = None
    notebook: Path | None = None
    views: str = ""
    parts: Callable[[Stack], Sequence[Mapping[str, str]]] | None = None
    looks: bool = False
    triage: str = ""
    readiness: str = ""
    drill: Drill | None = None

    def of(self, stack: Stack) -> Sequence[Mapping[str, str]]:
        """The parts of a stack to which it applies, as the parameters that name them."""
        if self.parts:
            return self.parts(stack)
        return [{}] if self.section is None or self.name in stack.procedures else []


def check_target(target: object, shape: re.Pattern[str], expected: str) -> None:
    """Check a target as a person gives it. Raises ParameterError unless it is empty or a text that matches `shape`; `expected` says in
    words what that is."""
    if not isinstance(target, str):
        raise ParameterError(f"target: a text is expected, but the number {target!r} arrived; give it with `-r target …` or in quotes")
    if target and not shape.fullmatch(target):
        raise ParameterError(f"target: {expected} is expected, not {target[:60]!r}; take one from the list of candidates")
