"""Procedure: all that the rest of the project knows of one. A procedure asks a host that it is given, and never opens a connection."""

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
from rollback_lib.procedures.common.readiness import Readiness
from rollback_lib.procedures.common.triage import Triage
from rollback_lib.stack.model import Section, Stack

S = TypeVar("S")
T = TypeVar("T")
Effects = Callable[[Host, Stack, Plan], list[Effect]]


@dataclass(frozen=True)
class Redo:
    """The way forward again after an undo: `keep` are commands to run before the undo, `steps` lead from the state before the run to
    that after it."""

    keep: tuple[Command, ...]
    steps: tuple[Step, ...]


def same_steps(stack: Stack, plan: Plan, incident: str) -> Redo:
    """The steps of the run once more: what they need is still kept, images under tags of our own, the file that was put in place."""
    return Redo((), tuple(step for step in plan.steps if step.touches and not step.skip))


@dataclass(frozen=True)
class Drill:
    """What breaks the practice host so that the procedure fixes it. `scenario` is a shell script that runs there, `says` what it breaks,
    in a sentence, `answers` a pattern of the status that the first route has then; `parameters` are those of the notebook.

    `brings` are files of this machine that the host needs, by their path there, `prepare` a script that makes it ready, and `stack` what
    its stack file has besides: keys, and routes, which come before the others."""

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
    """A procedure. Its state S and its target T are types of its own.

    `size` ranks procedures: where several would help, triage offers that of the least size first, which changes least.
    `check` looks at the procedure's own parameters before anything is contacted, and raises ParameterError.
    `document` says what is true now; `examine` gives the target, proven as far as looking can prove it, and raises TargetRefused;
    `plan` says how to get from the one to the other, and raises Refused where something would be lost.
    `effects` tells whether the rollback has the effect that was asked for, `undo_effects` whether the host is back where it was before,
    `assumed` whether it is as the plan assumed it to be before its first change.
    `weigh` says what a step that loses something would lose, for a run that resumes a plan; only where a plan has such steps.
    `redo` is the way forward after an undo; `hashes` tells that secrets are compared by the hashes of the run; `undo_notes` say what to
    know before an undo.

    `views` is the name of the module with its VIEWS and CHOICES, which a notebook shows.

    `parts` are the parameters that name the parts of a stack it applies to: `[{}]` for the whole of it, none where the stack has no such
    section, one for each of several databases, files or services. By default it applies once where the stack has its section, if it needs
    one. `triage` and `readiness` are what it brings to these.

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
    triage: Triage[Any] | None = None
    readiness: Readiness[S, T] | None = None
    drill: Drill | None = None

    def of(self, stack: Stack) -> Sequence[Mapping[str, str]]:
        """The parameters of the parts of a stack that it applies to."""
        if self.parts:
            return self.parts(stack)
        return [{}] if self.section is None or self.name in stack.procedures else []


def check_target(target: object, shape: re.Pattern[str], expected: str) -> None:
    """A target as a person gives it: a text of that shape, or an empty one. Raises ParameterError."""
    if not isinstance(target, str):
        raise ParameterError(f"target: a text is expected, but the number {target!r} arrived; give it with `-r target …` or in quotes")
    if target and not shape.fullmatch(target):
        raise ParameterError(f"target: {expected} is expected, not {target[:60]!r}; take one from the list of candidates")
