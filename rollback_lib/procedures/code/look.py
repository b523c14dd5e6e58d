"""The look of triage at the code: how it is deployed, and what came with it."""

import re
from dataclasses import dataclass
from datetime import datetime

from rollback_lib.errors import Refused
from rollback_lib.facts import docker, git
from rollback_lib.facts.host import Host
from rollback_lib.procedures.code.state import State, document
from rollback_lib.procedures.code.target import choose
from rollback_lib.stack.model import Stack

# Python, JavaScript, Ruby, Go, PHP, Java
_ASKS = re.compile(r"""(?i:environ(?:\.get)?|getenv|process\.env|ENV(?:\.fetch)?)\s*[\[(.]\s*["']?([A-Z][A-Z0-9_]{2,})""")


@dataclass(frozen=True)
class Look:
    """The code as it is deployed: when its image came, and what came with it since the commit that would be gone back to: paths
    that look like migrations of a database, and variables of the environment that it asks for."""

    state: State
    image: datetime | None
    target: str
    migrations: tuple[str, ...]
    asks: tuple[str, ...]

    @property
    def arrived(self) -> datetime | None:
        """When the code that runs came to the host: by the reflog, or, if that does not say, with its image."""
        move = next((move for move in self.state.reflog if move.commit.sha == self.state.running), None)
        return move.when if move else self.image


def look(host: Host, stack: Stack) -> Look:
    """The state, and what the tree has changed since the target."""
    now = document(host, stack)
    image = host.ask(docker.image_time(now.container.image)).result() if now.container else None
    try:
        target = choose(now, "")[0]
    except Refused:
        return Look(now, image, "", (), ())
    running = now.running or now.head.sha
    changes, diff = host.ask(git.changes(stack.work_tree, target, running)), host.ask(git.diff(stack.work_tree, target, running))
    migrations = tuple(change.path for change in changes.result() if migration(change.path))
    return Look(now, image, target, migrations, asked_for(diff.result()))


def asked_for(diff: str) -> tuple[str, ...]:
    """Variables of the environment that a patch makes a program ask for."""
    added = [line for line in diff.splitlines() if line.startswith("+") and not line.startswith("+++")]
    return tuple(dict.fromkeys(name for line in added for name in _ASKS.findall(line)))


def migration(path: str) -> bool:
    """Whether a path of the tree looks like a change of a database's schema."""
    folders = path.lower().split("/")
    return path.endswith(".sql") or any(one in ("migrations", "migration", "migrate", "alembic") for one in folders)


def from_registry(now: State) -> bool:
    """Whether the service's container was started with the compose files that take its image from a registry."""
    section, container = now.stack.image, now.container
    return bool(section and container and section.started(now.main.service, container.compose.files))
