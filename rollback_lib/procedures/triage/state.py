"""What is true of the whole stack: all that the page's decision tree asks, and one probe of every route."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rollback_lib.errors import Refused
from rollback_lib.facts import caddy, docker, git, inside_container, machine, postgres, references, releases, schema
from rollback_lib.facts.host import Host, Unanswered, result_of
from rollback_lib.facts.inside_container import Answer
from rollback_lib.health.probe import Probe
from rollback_lib.procedures import caddyfile, code, database, env, redeploy, registry
from rollback_lib.stack.model import Database, Stack

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
    """How requests come to the services: what the service of each route answers past the proxy, by route, and where the proxy sends
    them."""

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
class Pulled:
    """A service whose image comes from a registry: its container, when its image came to the host, and its lines of the ledger."""

    service: str
    container: docker.Container | None
    image: datetime | None
    releases: list[releases.Release]


@dataclass(frozen=True)
class State:
    """All of it; Unanswered where the host did not say, None where the stack has no such section. `pulled` are services of the image
    rollback that are not built here as well, `envs` the env files by their paths. `others` are the states of the
    procedures of other packages, by name."""

    stack: Stack
    deployed: Deployed | Unanswered | None
    pulled: dict[str, Pulled | Unanswered]
    envs: dict[str, env.State | Unanswered]
    caddyfile: caddyfile.State | Unanswered | None
    redeploy: redeploy.State | Unanswered
    ways: Ways | Unanswered
    databases: dict[str, Databases | Unanswered]
    machine: machine.Machine | Unanswered
    others: dict[str, Any] = field(default_factory=dict)
    probes: tuple[Probe, ...] = ()


def check(stack: Stack) -> None:
    """There is nothing to check: it has no parameters of its own."""


def document(host: Host, stack: Stack) -> State:
    """Everything, asked side by side."""
    deployed = host.beside(_deployed, stack) if stack.code else None
    built, from_registry = stack.code.names if stack.code else [], stack.image.names if stack.image else []
    pulled = {name: host.beside(_pulled, stack, name) for name in from_registry if name not in built}
    deployment, ways, there = host.beside(redeploy.document, stack), host.beside(_ways, stack), host.beside(_machine, stack)
    envs = {path: host.beside(env.document, stack, path) for path in (stack.env.paths if stack.env else ())}
    proxy = host.beside(caddyfile.document, stack) if stack.caddyfile else None
    databases = {one.name: host.beside(_database, one) for one in stack.databases}
    others = {one.name: host.beside(one.document, stack) for one in registry.others(stack)}
    return State(
        stack=stack, deployed=result_of(deployed), pulled={name: one.result() for name, one in pulled.items()},
        envs={path: one.result() for path, one in envs.items()}, caddyfile=result_of(proxy),
        redeploy=deployment.result(), ways=ways.result(), databases={name: one.result() for name, one in databases.items()},
        machine=there.result(), others={name: one.result() for name, one in others.items()},
    )  # fmt: skip


def _machine(host: Host, stack: Stack) -> machine.Machine:
    return host.ask(machine.machine(stack.state)).result()


def _deployed(host: Host, stack: Stack) -> Deployed:
    now = code.document(host, stack)
    image = host.ask(docker.image_time(now.container.image)).result() if now.container else None
    try:
        target = code.choose(now, "")[0]
    except Refused:
        return Deployed(now, image, "", (), ())
    running = now.running or now.head.sha
    changes, diff = host.ask(git.changes(stack.work_tree, target, running)), host.ask(git.diff(stack.work_tree, target, running))
    migrations = tuple(change.path for change in changes.result() if migration(change.path))
    return Deployed(now, image, target, migrations, asked_for(diff.result()))


def _pulled(host: Host, stack: Stack, service: str) -> Pulled:
    mine, ledger = host.ask(docker.replicas(stack, service)), host.ask(releases.releases(stack.state))
    container = docker.newest(mine.result())
    came = host.ask(docker.image_time(container.image)).result() if container else None
    return Pulled(service, container, came, [one for one in ledger.result() if one.service == service])


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


def _ways(host: Host, stack: Stack) -> Ways:
    found = docker.by_service(host.ask(docker.project(stack)).result())
    containers = {service: newest for service, mine in found.items() if (newest := docker.newest(mine))}
    values = references.values(host, [reference for route in stack.routes for reference in route.headers.values()])
    direct = {
        route.name: host.ask(inside_container.answer(containers[route.service].name, route, values))
        for route in stack.routes if route.service in containers
    }  # fmt: skip
    proxy = containers.get(stack.caddyfile.service) if stack.caddyfile else None
    upstreams = host.ask(caddy.upstreams(proxy.name)) if proxy else None
    return Ways({name: answer.result() for name, answer in direct.items()}, upstreams.result() if upstreams else None)


def _database(host: Host, one: Database) -> Databases:
    server = database.server_of(one)
    container, answering = host.ask(docker.named(one.container)), host.ask(postgres.server(server, database.maintenance(one)))
    outline, backups = host.ask(postgres.outline(server, one.database)), host.ask(schema.of_backups(one.backups, server))
    content = outline.result()
    there = {name: frozenset(table.columns) for name, table in content.tables.items()} if content else {}
    known = backups.result() if content else []
    since = tuple((backup.when, schema.difference(backup.tables, there)) for backup in known)
    return Databases(one, container.result(), answering.result(), since)
