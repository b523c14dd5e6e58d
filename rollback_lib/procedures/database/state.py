"""What is true of the database now: the server, what is in it, who uses it, and the backups there are."""

import re
from dataclasses import dataclass

from rollback_lib.commands.psql import Postgres
from rollback_lib.facts import backups, compose, docker, postgres, restores
from rollback_lib.facts.backups import Backup
from rollback_lib.facts.host import Host
from rollback_lib.health.probe import Probe
from rollback_lib.secrets.secret import Key, Secret
from rollback_lib.stack.model import Database, Stack
from rollback_lib.text import times

NAME = "database"
LONGEST = 63  # bytes of a name in Postgres; what is longer it would cut by itself


@dataclass(frozen=True)
class State:
    """The database of the stack's section `section`. `server` is None when it does not answer, `content` when the database
    cannot be asked; `clients` are the services that use it, all replicas of each, by the container that the stack names; `free`
    are the bytes that are free beside it; `key` makes hashes. `defined` is what compose would start instead of each of them,
    `environments` the variables that images set, by image id."""

    stack: Stack
    section: Database
    container: docker.Container | None
    server: postgres.Server | None
    content: postgres.Content | None
    psql: str
    free: int | None
    processors: int
    backups: list[Backup]
    restores: list[restores.Restore]
    clients: dict[str, list[docker.Container]]
    lines: list[str]
    key: Key
    defined: dict[str, compose.Defined]
    environments: dict[str, dict[str, Secret]]
    probes: tuple[Probe, ...] = ()

    @property
    def access(self) -> Postgres:
        return server_of(self.section)

    @property
    def live(self) -> postgres.Database | None:
        """The database as the server describes it; None when there is none of that name."""
        return self.server.databases.get(self.section.database) if self.server else None

    @property
    def beside(self) -> list[postgres.Database]:
        """What runs of this procedure left beside the live database: what was kept, undone, or not cleaned up."""
        known = self.server.databases.values() if self.server else ()
        return [one for one in known if re.fullmatch(r".+__(before|undone|restore)_[0-9a-f]{6}", one.name)]

    def verdict(self, backup: Backup) -> str:
        """What earlier restores tell of a backup."""
        known = [one.when for one in self.restores if one.of(backup)]
        return f"restored here {times.minute(max(known))}" if known else ""


@dataclass(frozen=True)
class Candidate:
    """A backup and what is known of it: whether it was restored before, and why it cannot be used, if so."""

    backup: Backup
    verdict: str
    wrong: str


class Candidates(tuple[Candidate, ...]):
    """The backups there are, newest first."""


def section(stack: Stack, database: str) -> Database:
    """The section of a database; the only one where none is named."""
    if not database and len(stack.databases) == 1:
        return stack.databases[0]
    return next(one for one in stack.databases if one.name == database)


def server_of(one: Database) -> Postgres:
    return Postgres(one.container, one.user)


def maintenance(one: Database) -> str:
    """The database from which others are renamed: a session in one keeps that one from it."""
    return "postgres" if one.database != "postgres" else "template1"


def beside(name: str, word: str, incident: str) -> str:
    """The name of a database of this run beside the one called `name`."""
    suffix = f"__{word}_{incident}"
    while len((name + suffix).encode()) > LONGEST:
        name = name[:-1]
    return name + suffix


def document(host: Host, stack: Stack, database: str = "") -> State:
    """The server, the database, the containers that use it, and the backups."""
    one = section(stack, database)
    server = server_of(one)
    container, known = host.ask(docker.named(one.container)), host.ask(postgres.server(server, maintenance(one)))
    psql, free, processors = (
        host.ask(postgres.client_version(server)),
        host.ask(postgres.free_space(server)),
        host.ask(docker.PROCESSORS),
    )
    listed, restored = host.ask(backups.listing(one.backups)), host.ask(restores.restores(stack.state))
    asked = {name: host.ask(docker.named(name)) for name in one.used_by}
    named = {name: client for name, answer in asked.items() if (client := answer.result())}
    of_compose = {name: client for name, client in named.items() if client.service}
    content = host.ask(postgres.content(server, one.database, within=postgres.LOOKING))
    lines = host.ask(docker.lines(container.result()))
    mine = {name: host.ask(docker.together_with(client)) for name, client in of_compose.items()}
    defined = {name: host.ask(compose.defined(client.compose)) for name, client in of_compose.items()}
    environments = host.ask(docker.image_environments({client.image for client in named.values()}))
    clients = {name: [client] if (client := named.get(name)) else [] for name in one.used_by}
    clients |= {name: found for name, answer in mine.items() if (found := answer.result())}
    return State(
        stack=stack, section=one, container=container.result(), server=known.result(), content=content.result(), psql=psql.result(),
        free=free.result(), processors=processors.result(), backups=listed.result(), restores=restored.result(), clients=clients,
        lines=lines.result(), defined={name: answer.result() for name, answer in defined.items()},
        environments=environments.result(), key=host.key,
    )  # fmt: skip


def candidates(now: State) -> Candidates:
    """The backups, newest first, and what speaks against each."""
    return Candidates(Candidate(one, now.verdict(one), unusable(now, one)) for one in now.backups)


def unusable(now: State, backup: Backup) -> str:
    """Why a backup cannot be restored into this server; empty when nothing is known against it."""
    if backup.wrong:
        return backup.wrong
    if now.server and backup.major > now.server.version // 10000:
        return f"it was made of a newer server, {backup.version}, than the one here, {now.server.words}"
    if backup.reader > backups.major(now.psql) > 0:
        return f"it was written by pg_dump {backup.by}, and pg_restore {now.psql} in {now.section.container} cannot read it"
    return ""
