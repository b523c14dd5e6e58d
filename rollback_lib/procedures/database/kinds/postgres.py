"""Postgres: a database restored beside the live one, and a swap of the two names in one transaction."""

import re
from collections.abc import Iterator

from rollback_lib.commands.command import Command
from rollback_lib.commands.psql import Postgres, identifier, literal
from rollback_lib.errors import Refused
from rollback_lib.facts import backups, postgres
from rollback_lib.facts.backups import Backup, Contents
from rollback_lib.facts.engines.postgres import PostgresEngine
from rollback_lib.facts.tables import Content
from rollback_lib.facts.tables import Kind as Holds
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import some
from rollback_lib.procedures.database.kinds import postgres_sql as sql
from rollback_lib.procedures.database.kinds.kind import NAMES, Kind, Names
from rollback_lib.procedures.database.state import State

DEFAULT_MEMORY, MOST_MEMORY = 64, 1024  # MB of maintenance_work_mem: the server's default, and the most that is given to a restore
_MB = 1024 * 1024
JOBS = 8  # the most processes that restore in parallel
# psql knows \restrict since these minor versions; an older psql stops at it. (CVE-2025-8714)
_RESTRICT = {17: 6, 16: 10, 15: 14, 14: 19, 13: 22}
# In the data of a dump, a line may begin with the same characters (\r is a carriage return there). So only the head is edited.
_UNRESTRICTED = ("-e", r"1,20{/^\\restrict [A-Za-z0-9]*$/d}", "-e", r"/^\\unrestrict [A-Za-z0-9]*$/d")
# pg_dump sets transaction_timeout since this version. It may be newer than the server, which then does not know the setting.
_TIMEOUT = 17
_UNTIMED = ("-e", "1,40{/^SET transaction_timeout = 0;$/d}")


class PostgresKind(Kind):
    """Postgres, by the programs of its container."""

    @property
    def engine(self) -> PostgresEngine:
        return PostgresEngine(self.section.container, self.section.user, self.section.database)

    @property
    def access(self) -> Postgres:
        return self.engine.access

    def usable(self, now: State) -> postgres.Database:
        entry, where = now.section, now.section.container
        if now.container is None:
            raise Refused(f"there is no container {where} on the host; fix `container` in the stack, or start it")
        if now.server is None:
            raise Refused(
                f"Postgres in {where} does not let {entry.user} in without a password, or does not run; try "
                f"`docker exec {where} psql -w -U {entry.user} -d {entry.database} -c 'SELECT 1'` on the host"
            )
        if not now.server.superuser:
            raise Refused(f"the user {entry.user} of {where} is not a superuser, so it cannot end sessions of others; name one that is")
        live = now.live
        if live is None:
            raise Refused(
                f"there is no database {entry.database} in {where}; if it was dropped, make an empty one with "
                f"`docker exec {where} createdb -U {entry.user} '{entry.database}'`, and run this again"
            )
        assert isinstance(live, postgres.Database)
        if not live.open:
            statement = f"ALTER DATABASE {identifier(live.name)} ALLOW_CONNECTIONS true"
            raise Refused(
                f"{live.name} lets nobody connect, perhaps since a run was cut off; open it on the host, and run this again: "
                f"`docker exec {where} psql -w -U {entry.user} -d {self.engine.maintenance} -c '{statement}'`"
            )
        if now.content and postgres.TIMESCALE in now.content.extensions:
            raise Refused(
                f"{live.name} has the extension {postgres.TIMESCALE}, whose restore needs special calls before and after; restore it by "
                "hand, as its manual says"
            )
        if live.prepared:
            raise Refused(f"{live.prepared} transactions of {live.name} are prepared and would keep it from being renamed; end them first")
        if live.slots:
            raise Refused(
                f"{live.name} feeds logical replication ({', '.join(live.slots)}), which would stay with the old one; drop it first"
            )
        if live.subscriptions:
            raise Refused(
                f"{live.name} gets rows by logical replication (subscription {', '.join(live.subscriptions)}), which would continue into "
                "the old one; drop the subscription first, and recreate it afterwards"
            )
        return live

    def unfit(self, now: State, backup: Backup) -> str:
        server = now.server
        if backup.of != self.name and backup.version:
            return f"it is a dump of {backup.of}, and the server here is {self.name}"
        if isinstance(server, postgres.Server) and backup.major > server.major:
            return f"it was made of a newer server, {backup.version}, than the one here, {server.words}"
        if backup.reader > backups.major(now.client) > 0:
            return f"it was written by pg_dump {backup.by}, and pg_restore {now.client} in {now.section.container} cannot read it"
        return ""

    def create(self, now: State, backup: Backup, names: Names, incident: str) -> tuple[Command, ...]:
        live, home = self.usable(now), self.engine.maintenance
        bring = (_bring(backup, self.section.container, _copy(incident)),) if backup.format in backups.ARCHIVES else ()
        return (self.drop(names.restored),  # what a run that was cut off left half done
                self.access.psql(home).saying(sql.create(live, names.restored) + ";"), *bring)  # fmt: skip

    def restore(self, now: State, backup: Backup, names: Names, incident: str) -> Command:
        server, new, copy = self.access, names.restored, _copy(incident)
        if backup.format in backups.ARCHIVES:
            # A parallel restore reads the backup at several places at once, so it needs a file in the container, not a stream.
            jobs = min(JOBS, now.processors)
            words = ("--exit-on-error", "--jobs", str(jobs))
            return server.program("pg_restore", *words, database=new, rest=(copy,), settings=_memory(now, jobs))
        psql = server.psql(new, words=("-1", "-o", "/dev/null"), settings=_memory(now, 1))
        left_out = _left_out(now, backup)
        if backup.format == backups.PLAIN and not left_out and not backup.source:
            return psql.reading(backup.path)
        source = backups.stream(backup, server)
        return (source.pipe("sed", *left_out) if left_out else source).pipe(*psql.argv)

    def prepare(self, now: State, backup: Backup, names: Names, incident: str) -> tuple[Command, ...]:
        server, home, new = self.access, self.engine.maintenance, names.restored
        return (sql.written_by(server, sql.EXTENSIONS, names.live, new), server.psql(new).saying("SET statement_timeout = 0;\nANALYZE;"),
                server.psql(home).saying(sql.carry_over(names.live, new) + ";"),
                server.psql(home, words=("-A", "-t")).saying(f"SELECT oid FROM pg_database WHERE datname = {literal(new)};").to(names.oid),
                *(self.clear(incident) if backup.format in backups.ARCHIVES else ()))  # fmt: skip

    def swap(self, *, live: str, aside: str, incoming: str, needed: bool = True) -> Command:
        return sql.swap(self.access, self.engine.maintenance, live=live, aside=aside, incoming=incoming, needed=needed)

    def numbers(self, there: str, here: str) -> Command:
        return sql.sequences(self.access, self.engine.maintenance, there, here)

    def drop(self, name: str) -> Command:
        return sql.drop(self.access, self.engine.maintenance, name)

    def clear(self, incident: str) -> tuple[Command, ...]:
        return (Command.of("docker", "exec", self.section.container, "rm", "-rf", _copy(incident)),)

    @property
    def preparing(self) -> str:
        return "What no dump has: settings, grants, comment, extensions; and statistics."

    @property
    def swapping(self) -> tuple[str, str]:
        return "Swap the two names", "New sessions are refused meanwhile, open ones are ended, both names change in one transaction."

    def dropping(self, name: str) -> str:
        return f"docker exec {self.section.container} dropdb -U {self.section.user} {name}"

    def effects(self, was: Content, now: Content) -> Iterator[Effect]:
        missing = sorted(set(was.extensions) - set(now.extensions))
        yield Effect("extensions that are missing", "none", some(missing) or "none", part=NAMES)
        yield from super().effects(was, now)

    def notes(self, now: State, backup: Backup, contents: Contents) -> Iterator[str]:
        yield "Sequences continue where those of the old database were, so rows can be copied back from it."
        tables = now.content.tables.values() if now.content else ()
        foreign = {table.name for table in tables if table.kind is Holds.FOREIGN} | {
            name for name, kind in contents.others.items() if kind is Holds.FOREIGN
        }
        if foreign:
            yield f"The rows of foreign tables lie elsewhere and are not touched: {some(sorted(foreign))}."
        if backup.format not in backups.ARCHIVES and not knows_restrict(now.client):
            yield (
                f"psql {now.client} in {self.section.container} does not know \\restrict; those lines are left out. An "
                "update would bring it."
            )


def _copy(incident: str) -> str:
    """The path of the backup in the container, if it is copied there."""
    return f"/tmp/rollback-{incident}"


def _bring(backup: Backup, container: str, copy: str) -> Command:
    """The command that puts an archive into the container, from a place right through to there."""
    if backup.source is None:
        return Command.of("docker", "cp", backup.path, f"{container}:{copy}")
    return backups.raw(backup).pipe("docker", "exec", "-i", container, "sh", "-euc", 'cat >"$1"', "sh", copy)


def _memory(now: State, sessions: int) -> dict[str, str]:
    """The memory with which each session may build an index, if that is more than the server's default: a thirty-second of what the
    container may use, divided by the number of sessions. An index that is sorted in memory is built faster than one sorted on disk."""
    each = min(MOST_MEMORY, now.memory // 32 // sessions // _MB // 64 * 64)
    return {"maintenance_work_mem": f"{each}MB"} if each > DEFAULT_MEMORY else {}


def _left_out(now: State, backup: Backup) -> tuple[str, ...]:
    """Arguments for `sed` that remove the lines of a dump at which this psql or this server would stop."""
    known = knows_restrict(now.client)
    timed = isinstance(now.server, postgres.Server) and backups.major(backup.by) >= _TIMEOUT > now.server.major
    return (() if known else _UNRESTRICTED) + (_UNTIMED if timed else ())


def knows_restrict(version: str) -> bool:
    """Whether psql of this version knows `\\restrict`, with which recent dumps begin."""
    found = re.match(r"(\d+)(?:\.(\d+))?", version)
    major, minor = (int(found[1]), int(found[2] or 0)) if found else (0, 0)
    return major > max(_RESTRICT) or minor >= _RESTRICT.get(major, 1000)
