"""What is true of the whole stack: all that the page's decision tree asks, and one probe of every route."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from rollback_lib.errors import Refused
from rollback_lib.facts import caddy, docker, git, inside_container, machine, postgres, schema
from rollback_lib.facts.fact import Dialogue
from rollback_lib.facts.inside_container import Answer
from rollback_lib.facts.together import Unanswered, together
from rollback_lib.health.probe import Probe
from rollback_lib.procedures import caddyfile, code, database, env, redeploy
from rollback_lib.stack.model import Database, Route, Stack

NAME = "triage"
# Python, JavaScript, Ruby, Go, PHP, Java
_ASKS = re.compile(r"""(?i:environ(?:\.get)?|getenv|process\.env|ENV(?:\.fetch)?)\s*[\[(.]\s*["']?([A-Z][A-Z0-9_]{2,})""")


@dataclass(frozen=True)
class Databases:
    """One database: its container, its server (None: it does not answer), and how its tables differ from those of each of the
    newest backups, newest first, by when the backup was made."""

    section: Database
    container: docker.Container | None
    server: postgres.Server | None
    since: tuple[tuple[datetime, schema.Difference], ...]

    @property
    def reachable(self) -> bool:
        return self.server is not None and self.section.database in self.server.databases


@dataclass(frozen=True)
class Ways:
    """How requests come to the services: what each service of a route answers past the proxy, and where the proxy sends them."""

    direct: dict[str, Answer | None]
    upstreams: dict[str, tuple[str, ...]] | None


@dataclass(frozen=True)
class Deployed:
    """The code as it is deployed: when its image came, and what came with it since the commit that would be gone back to: paths
    that look like migrations of a database, and variables of the environment that it asks for."""

    state: code.State
    image: datetime | None
    target: str
    migrations: tuple[str, ...]
    asks: tuple[str, ...]


@dataclass(frozen=True)
class State:
    """All of it; Unanswered where the host did not say, None where the stack has no such section."""

    stack: Stack
    deployed: Deployed | Unanswered
    env: env.State | Unanswered | None
    caddyfile: caddyfile.State | Unanswered | None
    redeploy: redeploy.State | Unanswered
    ways: Ways | Unanswered
    databases: dict[str, Databases | Unanswered]
    machine: machine.Machine | Unanswered
    probes: tuple[Probe, ...] = ()


def check(stack: Stack) -> None:
    """There is nothing to check: it has no parameters of its own."""


def document(stack: Stack) -> Dialogue[State]:
    """Everything, asked side by side."""
    found = yield from together(
        {
            "deployed": _deployed(stack),
            "redeploy": redeploy.document(stack),
            "ways": _ways(stack),
            "machine": _machine(stack),
            **({"env": env.document(stack)} if stack.env else {}),
            **({"caddyfile": caddyfile.document(stack)} if stack.caddyfile else {}),
            **{f"database {one.name}": _database(one) for one in stack.databases},
        }
    )
    return State(
        stack=stack, deployed=found["deployed"], env=found.get("env"), caddyfile=found.get("caddyfile"), redeploy=found["redeploy"],
        ways=found["ways"], machine=found["machine"], databases={one.name: found[f"database {one.name}"] for one in stack.databases},
    )  # fmt: skip


def _machine(stack: Stack) -> Dialogue[machine.Machine]:
    return (yield {"machine": machine.machine(stack.state)})["machine"]  # type: ignore[no-any-return]


def _deployed(stack: Stack) -> Dialogue[Deployed]:
    now = yield from code.document(stack)
    image = (yield {"image": docker.image_time(now.container.image)})["image"] if now.container else None
    try:
        target = code.choose(now, "")[0]
    except Refused:
        return Deployed(now, image, "", (), ())
    running = now.running or now.head.sha
    found = yield {"changes": git.changes(stack.tree, target, running), "diff": git.diff(stack.tree, target, running)}
    migrations = tuple(change.path for change in found["changes"] if migration(change.path))
    return Deployed(now, image, target, migrations, asked_for(found["diff"]))


def asked_for(diff: str) -> tuple[str, ...]:
    """Variables of the environment that a patch makes a program ask for."""
    added = [line for line in diff.splitlines() if line.startswith("+") and not line.startswith("+++")]
    return tuple(dict.fromkeys(name for line in added for name in _ASKS.findall(line)))


def arrived(found: Deployed) -> datetime | None:
    """When the code that runs came to the host: by the reflog, or, where that does not say, with its image."""
    state = found.state
    move = next((move for move in state.reflog if move.commit.sha == state.running), None)
    return move.when if move else found.image


def migration(path: str) -> bool:
    """Whether a path of the tree looks like a change of a database's schema."""
    folders = path.lower().split("/")
    return path.endswith(".sql") or any(one in ("migrations", "migration", "migrate", "alembic") for one in folders)


def _ways(stack: Stack) -> Dialogue[Ways]:
    found = docker.by_service((yield {"project": docker.project(stack)})["project"])
    containers = {service: newest for service, mine in found.items() if (newest := docker.newest(mine))}
    asked: Mapping[str, Any] = {
        route.service: inside_container.answer(containers[route.service].name, urlsplit(route.url).netloc, path_of(route))
        for route in stack.routes if route.service in containers
    }  # fmt: skip
    proxy = containers.get(stack.caddyfile.service) if stack.caddyfile else None
    upstreams = {" ": caddy.upstreams(proxy.name)} if proxy else {}
    answers = yield {**asked, **upstreams}
    return Ways({name: answers[name] for name in asked}, answers.get(" "))


def path_of(route: Route) -> str:
    """What a route asks for, as an HTTP request has it."""
    return urlsplit(route.url).path or "/"


def _database(one: Database) -> Dialogue[Databases]:
    server = database.server_of(one)
    found = yield {
        "container": docker.named(one.container),
        "server": postgres.server(server, database.maintenance(one)),
        "content": postgres.outline(server, one.database),
        "backups": schema.of_backups(one.backups, server),
    }
    content: postgres.Content | None = found["content"]
    there = {name: frozenset(table.columns) for name, table in content.tables.items()} if content else None
    backups: list[schema.Schema] = found["backups"] if there is not None else []
    since = tuple((backup.when, schema.difference(backup.tables, there or {})) for backup in backups)
    return Databases(one, found["container"], found["server"], since)
