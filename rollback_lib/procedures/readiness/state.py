"""The state and the target of every procedure of the stack."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rollback_lib.errors import Refused
from rollback_lib.facts.host import Answer, Host, Unanswered, result_of
from rollback_lib.health.probe import Probe
from rollback_lib.procedures import caddyfile, code, database, env, image, mark, redeploy, registry, triage
from rollback_lib.procedures.code.look import Look as Code
from rollback_lib.procedures.common import permissions, retention
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.procedure import Procedure
from rollback_lib.stack.model import Stack

NAME = "readiness"
S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class State:
    """The state that triage asks for, the states of procedures that need more than that, what a mark would enter, the copies that runs keep
    on the host, and what the user may do there. `images` are by service. A value is Unanswered if the host gave no answer."""

    stack: Stack
    look: StackState
    images: dict[str, image.State | Unanswered]
    databases: dict[str, database.State | Unanswered]
    release: mark.State | Unanswered
    copies: retention.Copies | Unanswered
    user: permissions.User | Unanswered
    probes: tuple[Probe, ...] = ()


@dataclass(frozen=True)
class Target:
    """The target of each procedure. It is Unanswered, with the reason, if the procedure refuses; None if the stack has no such section.
    `images` are by service, `envs` by the path of the file. `others` are the targets of the procedures of other packages, by name."""

    code: code.Target | Unanswered | None
    images: dict[str, image.Target | Unanswered]
    envs: dict[str, env.Target | Unanswered]
    caddyfile: caddyfile.Target | Unanswered | None
    redeploy: redeploy.Target | Unanswered | None
    databases: dict[str, database.Target | Unanswered]
    others: dict[str, Any] = field(default_factory=dict)

    name = "what each procedure would go back to"
    why = "the choice of each procedure, when none is named"


def check(stack: Stack) -> None:
    """Do nothing: readiness has no parameters of its own."""


def document(host: Host, stack: Stack) -> State:
    """Ask the host for everything, in parallel."""
    look, copies, user = host.beside(triage.document, stack), host.beside(retention.look, stack), host.beside(permissions.user, stack)
    images = {name: host.beside(image.document, stack, name) for name in (stack.image.names if stack.image else ())}
    databases = {one.name: host.beside(database.document, stack, one.name) for one in stack.databases}
    release = host.beside(mark.document, stack)
    looked = look.result()
    assert isinstance(looked, StackState)  # what it asks is all asked beside
    return State(stack, looked, _all(images), _all(databases), release.result(), copies.result(), user.result())


def examine(host: Host, now: State, target: str = "") -> Target:
    """The target of every procedure, proven as that procedure proves it."""
    look = now.look.looks
    deployed = look.get(code.NAME)
    of_code = _examined(host, deployed.state if isinstance(deployed, Code) else deployed, code.examine) if deployed else None
    images = {name: _examined(host, one, image.examine) for name, one in now.images.items()}
    envs = {path: _examined(host, one, env.examine) for path, one in envs_of(now).items()}
    proxy = look.get(caddyfile.NAME)
    of_caddyfile = _examined(host, proxy, caddyfile.examine) if proxy else None
    of_redeploy = _examined(host, look[redeploy.NAME], redeploy.examine) if now.stack.redeploy else None
    databases = {name: _examined(host, one, database.examine) for name, one in now.databases.items()}
    others = {one.name: _examined(host, look[one.name], one.examine) for one in others_of(now.stack)}
    return Target(
        result_of(of_code), _all(images), _all(envs), result_of(of_caddyfile), result_of(of_redeploy), _all(databases), _all(others)
    )


def envs_of(now: State) -> dict[str, env.State | Unanswered]:
    """What was seen of the env files, by their paths."""
    parts = [one for one in registry.parts(now.stack) if one.procedure is env.PROCEDURE]
    return {path: now.look.looks[one.label] for one, path in zip(parts, now.stack.env.paths if now.stack.env else (), strict=True)}


def others_of(stack: Stack) -> list[Procedure[Any, Any]]:
    """The procedures of other packages that have rows for the stack."""
    return [one for one in registry.others() if one.readiness and one.of(stack)]


def _all(answers: Mapping[str, Answer[T]]) -> dict[str, T]:
    return {name: one.result() for name, one in answers.items()}


def _examined(host: Host, state: S | Unanswered, examine: Callable[[Host, S, str], T]) -> Answer[T | Unanswered]:
    """The target that a procedure chooses. If its state is Unanswered, so is its target."""
    if isinstance(state, Unanswered):
        return Answer.known(state)
    return host.beside(examine, state, "")


def refusal(make: Callable[[], object]) -> str:
    """Why a plan would be refused; "" if it would not be."""
    try:
        make()
    except Refused as error:
        return str(error)
    return ""
