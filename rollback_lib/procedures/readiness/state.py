"""The state and the target of every procedure of the stack."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from rollback_lib.facts.host import Answer, Host, Unanswered
from rollback_lib.health.probe import Probe
from rollback_lib.procedures import mark, triage
from rollback_lib.procedures.common import permissions, retention
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.readiness.stock import Stock, stocked
from rollback_lib.procedures.registry import of_readiness
from rollback_lib.stack.model import Stack

NAME = "readiness"
S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class State:
    """`look` is the state that triage asks for. `states` are the states of the procedures, by the labels of their parts (`registry.Part`).
    `release` is what a mark would enter, `copies` what earlier runs keep on the host, `user` what the user may do there, `stock` which
    images would survive a clean-up. A value is Unanswered if the host gave no answer."""

    stack: Stack
    look: StackState
    states: Mapping[str, Any]
    release: mark.State | Unanswered
    copies: retention.Copies | Unanswered
    user: permissions.User | Unanswered
    stock: Stock | Unanswered
    probes: tuple[Probe, ...] = ()


@dataclass(frozen=True)
class Target:
    """The target of each procedure, by the labels of their parts. It is Unanswered, with the reason, if the procedure refuses."""

    found: Mapping[str, Any]

    name = "what each procedure would go back to"
    why = "the choice of each procedure, when none is named"


def check(stack: Stack) -> None:
    """Do nothing: readiness has no parameters of its own."""


def document(host: Host, stack: Stack) -> State:
    """Ask the host for everything, in parallel."""
    look, copies, user = host.beside(triage.document, stack), host.beside(retention.look, stack), host.beside(permissions.user, stack)
    stock = host.beside(stocked, stack)
    asked = {
        part.label: host.beside(part.procedure.document, stack, **part.parameters) for part, one in of_readiness(stack) if one.state is None
    }
    release = host.beside(mark.document, stack)
    looked = look.result()
    assert isinstance(looked, StackState)  # what it asks is all asked beside
    states = {label: one.result() for label, one in asked.items()}
    for part, one in of_readiness(stack):
        if one.state:
            seen = looked.looks[part.label]
            states[part.label] = seen if isinstance(seen, Unanswered) else one.state(seen)
    return State(stack, looked, states, release.result(), copies.result(), user.result(), stock.result())


def examine(host: Host, now: State, target: str = "") -> Target:
    """The target of every procedure, proven as that procedure proves it."""
    asked = {part.label: _examined(host, now.states[part.label], part.procedure.examine) for part, _ in of_readiness(now.stack)}
    return Target({label: one.result() for label, one in asked.items()})


def _examined(host: Host, state: S | Unanswered, examine: Callable[[Host, S, str], T]) -> Answer[T | Unanswered]:
    """The target that a procedure chooses. If its state is Unanswered, so is its target."""
    if isinstance(state, Unanswered):
        return Answer.known(state)
    return host.beside(examine, state, "")
