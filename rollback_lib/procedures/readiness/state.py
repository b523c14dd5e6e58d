"""What every procedure of the stack would work with, and what it would go back to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rollback_lib.errors import Refused
from rollback_lib.facts.fact import Dialogue
from rollback_lib.facts.together import Unanswered, together
from rollback_lib.health.probe import Probe
from rollback_lib.procedures import caddyfile, code, database, env, image, redeploy, triage
from rollback_lib.procedures.common import permissions, retention
from rollback_lib.stack.model import Stack

NAME = "readiness"


@dataclass(frozen=True)
class State:
    """What triage looks at, the states of the procedures that need more, what earlier runs keep on the host, and what we may do there;
    Unanswered where it did not say."""

    stack: Stack
    look: triage.State
    image: image.State | Unanswered | None
    databases: dict[str, database.State | Unanswered]
    copies: retention.Copies | Unanswered
    user: permissions.User | Unanswered
    probes: tuple[Probe, ...] = ()


@dataclass(frozen=True)
class Target:
    """What each procedure would go back to now; Unanswered with its reason where it refuses, None where the stack has no such
    section."""

    code: code.Target | Unanswered
    image: image.Target | Unanswered | None
    env: env.Target | Unanswered | None
    caddyfile: caddyfile.Target | Unanswered | None
    redeploy: redeploy.Target | Unanswered | None
    databases: dict[str, database.Target | Unanswered]

    name = "what each procedure would go back to"
    why = "the choice of each procedure, when none is named"


def check(stack: Stack) -> None:
    """There is nothing to check: it has no parameters of its own."""


def document(stack: Stack) -> Dialogue[State]:
    """Everything, asked side by side."""
    found = yield from together(
        {
            "look": triage.document(stack),
            **({"image": image.document(stack)} if stack.image else {}),
            **{f"database {one.name}": database.document(stack, one.name) for one in stack.databases},
            "copies": retention.look(stack),
            "user": permissions.user(stack),
        }
    )
    databases = {one.name: found[f"database {one.name}"] for one in stack.databases}
    return State(stack, found["look"], found.get("image"), databases, found["copies"], found["user"])


def examine(now: State, target: str = "") -> Dialogue[Target]:
    """The target of every procedure, proven as that procedure proves it."""
    look = now.look
    states: dict[str, tuple[Any, Callable[[Any, str], Dialogue[Any]]]] = {
        "code": (look.deployed if isinstance(look.deployed, Unanswered) else look.deployed.state, code.examine),
        "image": (now.image, image.examine),
        "env": (look.env, env.examine),
        "caddyfile": (look.caddyfile, caddyfile.examine),
        "redeploy": (look.redeploy if now.stack.redeploy else None, redeploy.examine),
        **{f"database {name}": (one, database.examine) for name, one in now.databases.items()},
    }
    asked = {name: ask(state, "") for name, (state, ask) in states.items() if state is not None and not isinstance(state, Unanswered)}
    found = yield from together(asked)
    for name, (state, _) in states.items():
        found.setdefault(name, state)  # one that is not known, or not there, has no target either
    databases = {name: found[f"database {name}"] for name in now.databases}
    return Target(found["code"], found["image"], found["env"], found["caddyfile"], found["redeploy"], databases)


def refusal(make: Callable[[], object]) -> str:
    """Why a plan would be refused; "" when it would not."""
    try:
        make()
    except Refused as error:
        return str(error)
    return ""
