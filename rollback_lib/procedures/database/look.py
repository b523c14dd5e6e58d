"""What triage asks of a database: how its tables differ from those of its backups."""

from dataclasses import dataclass
from datetime import datetime

from rollback_lib.facts import docker, engines, schema
from rollback_lib.facts.host import Host, result_of
from rollback_lib.procedures.database.state import section
from rollback_lib.stack.model import Database, Stack


@dataclass(frozen=True)
class Look:
    """One database: its container, its server (None: it does not answer), and how its tables differ from those of each of the
    newest backups, newest first, by when the backup was made. `filled` are the tables that have rows in the newest one, as far as it was
    read, and `emptied` those of them that have none now."""

    section: Database
    container: docker.Container | None
    server: engines.Server | None
    since: tuple[tuple[datetime, schema.Difference], ...]
    filled: frozenset[str] = frozenset()
    emptied: frozenset[str] = frozenset()

    @property
    def reachable(self) -> bool:
        return self.server is not None and self.section.database in self.server.databases


def look(host: Host, stack: Stack, database: str = "") -> Look:
    """The server, its tables now, and those of the newest backups."""
    one = section(stack, database)
    engine = engines.of(one)
    container, answering = host.ask(docker.named(one.container)), host.ask(engine.server())
    outline, backups = host.ask(engine.outline(one.database)), host.ask(engine.schemas(one.backups)) if one.backups else None
    bare = host.ask(engine.empty(one.database)) if one.backups else None
    content = outline.result()
    there = {name: frozenset(table.columns) for name, table in content.tables.items()} if content else {}
    known = (result_of(backups) or []) if content else []
    since = tuple((backup.when, schema.difference(backup.tables, there)) for backup in known)
    filled = known[0].filled if known else frozenset()
    emptied = filled & bare.result() if bare else filled
    return Look(one, container.result(), answering.result(), since, filled, emptied)
