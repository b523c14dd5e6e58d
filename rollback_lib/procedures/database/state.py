"""The state of a database: its server, its content, the services that use it, and its backups."""

import re
from dataclasses import dataclass

from rollback_lib.facts import backups, compose, copies, docker, engines, restores
from rollback_lib.facts.backups import Away, Backup
from rollback_lib.facts.host import Host
from rollback_lib.facts.tables import LOOKING, Content
from rollback_lib.health.probe import Probe
from rollback_lib.procedures.common import from_backup
from rollback_lib.procedures.common.from_backup import Candidate
from rollback_lib.secrets.secret import Key, Secret
from rollback_lib.stack.model import Database, Stack

NAME = "database"
LONGEST = 63  # bytes; Postgres silently truncates longer names, and MariaDB refuses those of more than 64 characters


@dataclass(frozen=True)
class State:
    """The state of the database that the stack describes in `section`.

    `backups` are those of all places, newest first; `away` are the places that gave no list.
    `server` is None if it does not answer, `content` is None if the database cannot be asked. `client` is the version of the client in
    the container. `free` is the free disk space for the database, in bytes, None if it is not known. `memory` is how much memory the
    container may use, in bytes. `clients` holds all replicas of each service that uses the database, by the name of the container in
    the stack file. `defined` holds what compose would start for each of these services. `environments` holds the variables that each
    image sets, by image id. `key` makes hashes of secrets.
    """

    stack: Stack
    section: Database
    container: docker.Container | None
    server: engines.Server | None
    content: Content | None
    client: str
    free: int | None
    processors: int
    memory: int
    backups: list[Backup]
    restores: list[restores.Restore]
    clients: dict[str, list[docker.Container]]
    lines: list[str]
    key: Key
    defined: dict[str, compose.Defined]
    environments: dict[str, dict[str, Secret]]
    away: tuple[Away, ...] = ()
    probes: tuple[Probe, ...] = ()

    @property
    def engine(self) -> engines.Engine:
        return engines.of(self.section)

    @property
    def live(self) -> engines.Database | None:
        """The database as the server describes it; None if the server has no database of that name."""
        return self.server.databases.get(self.section.database) if self.server else None

    @property
    def beside(self) -> list[engines.Database]:
        """The databases that runs of this procedure left beside the live one: kept, undone, or not cleaned up."""
        known = self.server.databases.values() if self.server else ()
        return [database for database in known if re.fullmatch(r".+__(before|undone|restore)_[0-9a-f]{6}", database.name)]

    def verdict(self, backup: Backup) -> str:
        """In words, when the backup was restored here before; "" if it never was."""
        return from_backup.restored(self.restores, backup)


class Candidates(tuple[Candidate, ...]):
    """The backups to choose from, newest first."""


def section(stack: Stack, database: str) -> Database:
    """The stack's section of the database with this name. The name may be empty if the stack has only one."""
    return from_backup.named(stack.databases, database)


def beside(name: str, word: str, incident: str) -> str:
    """The name for a database that this incident makes beside the database `name`. A part of an incident has no name of its own."""
    suffix = f"__{word}_{copies.incident_of(incident)}"
    while len((name + suffix).encode()) > LONGEST:
        name = name[:-1]
    return name + suffix


def document(host: Host, stack: Stack, database: str = "") -> State:
    """Ask the host for the state of the database, the services that use it, and its backups."""
    entry = section(stack, database)
    engine = engines.of(entry)
    container, known = host.ask(docker.named(entry.container)), host.ask(engine.server())
    version, free = host.ask(engine.client_version()), host.ask(engine.free_space())
    processors, memory = host.ask(docker.PROCESSORS), host.ask(docker.memory(entry.container))
    files = host.ask(backups.listing(entry.backups)) if entry.backups else None
    listed, restored = from_backup.Listed.ask(host, files, entry.sources), host.ask(restores.restores(stack.state))
    asked = {name: host.ask(docker.named(name)) for name in entry.used_by}
    named = {name: client for name, answer in asked.items() if (client := answer.result())}
    of_compose = {name: client for name, client in named.items() if client.service}
    content = host.ask(engine.content(entry.database, within=LOOKING))
    lines = host.ask(docker.lines(container.result()))
    mine = {name: host.ask(docker.together_with(client)) for name, client in of_compose.items()}
    defined = {name: host.ask(compose.defined(client.compose)) for name, client in of_compose.items()}
    environments = host.ask(docker.image_environments({client.image for client in named.values()}))
    clients = {name: [client] if (client := named.get(name)) else [] for name in entry.used_by}
    clients |= {name: found for name, answer in mine.items() if (found := answer.result())}
    return State(
        stack=stack, section=entry, container=container.result(), server=known.result(), content=content.result(), client=version.result(),
        free=free.result(), processors=processors.result(), memory=memory.result(), backups=listed.found(), away=listed.away(),
        restores=restored.result(), clients=clients, lines=lines.result(),
        defined={name: answer.result() for name, answer in defined.items()},
        environments=environments.result(), key=host.key,
    )  # fmt: skip
