"""The state that triage needs: everything that the runbook's decision tree asks, and one probe of every route."""

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
    """One database: its container and its server, None if it does not answer. `since` holds, for each of the newest backups, the latest
    first, when it was made and how its tables differ from those of the database."""

    section: Database
    container: docker.Container | None
    server: postgres.Server | None
    since: tuple[tuple[datetime, schema.Difference], ...]

    @property
    def reachable(self) -> bool:
        return self.server is not None and self.section.database in self.server.databases


@dataclass(frozen=True)
class Ways:
    """How requests reach the services. `direct` is what the service of each route answers without the proxy, by route. `upstreams` are the
    addresses to which the proxy sends requests, for each host name; None if they are not known."""

    direct: dict[str, Answer | None]
    upstreams: dict[str, tuple[str, ...]] | None


@dataclass(frozen=True)
class Deployed:
    """The code as it is deployed. `image` is when its image came to the host. `target` is the commit to go back to. `migrations` are
    paths changed since then that look like migrations of a database. `asks` are environment variables that the code asks for since."""

    state: code.State
    image: datetime | None
    target: str
    migrations: tuple[str, ...]
    asks: tuple[str, ...]


@dataclass(frozen=True)
class Pulled:
    """A service whose image comes from a registry. `image` is when its image came to the host, `releases` are its lines of the ledger."""

    service: str
    container: docker.Container | None
    image: datetime | None
    releases: list[releases.Release]


@dataclass(frozen=True)
class State:
    """The state of every procedure. A value is Unanswered if the host gave no answer, None if the stack has no such section. `pulled` are
    the services whose image comes from a registry and is not also built on the host. `envs` are by the path of the file. `others` are
    the states of the procedures of other packages, by name."""

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
    """Do nothing: triage has no parameters of its own."""


def document(host: Host, stack: Stack) -> State:
    """Ask the host for everything, in parallel."""
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
    """The environment variables that a program asks for in the added lines of a patch."""
    added = [line for line in diff.splitlines() if line.startswith("+") and not line.startswith("+++")]
    return tuple(dict.fromkeys(name for line in added for name in _ASKS.findall(line)))


def arrived(found: Deployed) -> datetime | None:
    """When the code that runs came to the host, according to the reflog, or else to its image. None if neither says so."""
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
