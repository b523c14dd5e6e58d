"""A Postgres server, its databases, and their tables, as the server itself reports them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.commands.psql import Postgres
from rollback_lib.facts import disk, secret_values
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.tables import COUNTING, LARGE_OBJECTS, Content, Kind, Sequence, Session, Table
from rollback_lib.secrets.secret import Key, Secret

_EACH = 20  # seconds for one table
_OUTLINING = 60.0  # seconds for all that is not counted
_KEEP = 16 * 1024 * 1024  # bytes at each end of an answer; a database may have thousands of tables

TIMESCALE = "timescaledb"  # the name of the extension


@dataclass(frozen=True)
class Database:
    """A database. From pg_database and the catalogs beside it.

    `locale` are the columns of its pg_database row about locales. `connections` is its connection limit, -1 for none; `open` whether it
    allows connections. `size` is in bytes. `settings` (as JSON), `grants` and `comment` belong to the database, but are not in a dump
    of it. `slots` are logical replication slots, and `subscriptions` those through which it receives rows of other servers. `prepared`
    counts the transactions that are prepared for a two-phase commit.
    """

    name: str
    oid: int
    owner: str
    encoding: str
    locale: dict[str, str]
    tablespace: str
    connections: int
    open: bool
    size: int
    comment: str | None
    settings: Secret
    grants: tuple[str, ...]
    sessions: tuple[Session, ...]
    slots: tuple[str, ...]
    subscriptions: tuple[str, ...]
    prepared: int

    def properties(self, key: Key) -> dict[str, str]:
        """The properties that a database in its place must have as well, as text to compare and show. `key` makes the hash of settings."""
        locale = " ".join(f"{key.removeprefix('dat')}={value}" for key, value in sorted(self.locale.items()))
        return {
            "owner": self.owner,
            "encoding and locale": f"{self.encoding} {locale}",
            "tablespace": self.tablespace,
            "connection limit": "none" if self.connections < 0 else str(self.connections),
            "settings": f"#{key.fingerprint(self.settings)}" if len(self.settings) > 2 else "none",
            "grants": " ".join(self.grants) or "as new",
            "comment": self.comment or "none",
            "connections allowed": "yes" if self.open else "no",
        }


@dataclass(frozen=True)
class Server:
    """A server: its `version` as a number (170012 is 17.12), whether the database user is a superuser, and its databases by name."""

    version: int
    superuser: bool
    databases: dict[str, Database]

    @property
    def major(self) -> int:
        return self.version // 10000

    @property
    def title(self) -> str:
        return f"Postgres {self.words}"

    @property
    def words(self) -> str:
        return f"{self.major}.{self.version % 10000}"


# The row of pg_database is read by to_jsonb, because its columns differ between major versions.
_SERVER = """
SELECT json_build_object('version', current_setting('server_version_num')::int,
    'superuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
    'databases', (SELECT json_agg(json_build_object(
        'row', to_jsonb(d), 'owner', pg_get_userbyid(d.datdba), 'encoding', pg_encoding_to_char(d.encoding),
        'tablespace', (SELECT spcname FROM pg_tablespace t WHERE t.oid = d.dattablespace),
        'size', pg_database_size(d.oid), 'comment', shobj_description(d.oid, 'pg_database'),
        'settings', (SELECT json_agg(json_build_array(coalesce(r.rolname, ''), setconfig) ORDER BY 1) FROM (
            SELECT s.setrole, s.setconfig FROM pg_db_role_setting s WHERE s.setdatabase = d.oid) s
            LEFT JOIN pg_roles r ON r.oid = s.setrole),
        'grants', (SELECT json_agg(DISTINCT concat_ws(' ', coalesce(g.rolname, 'PUBLIC'), a.privilege_type,
            CASE WHEN a.is_grantable THEN 'grantable' END)) FROM aclexplode(d.datacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee),
        'sessions', (SELECT json_agg(json_build_array(pid, coalesce(usename, ''), coalesce(application_name, ''),
            coalesce(host(client_addr), 'local'))) FROM pg_stat_activity a WHERE a.datid = d.oid AND pid <> pg_backend_pid()),
        'slots', (SELECT json_agg(slot_name) FROM pg_replication_slots s WHERE s.datoid = d.oid),
        'subscriptions', (SELECT json_agg(subname) FROM pg_subscription s WHERE s.subdbid = d.oid),
        'prepared', (SELECT count(*) FROM pg_prepared_xacts p WHERE p.database = d.datname)
    )) FROM pg_database d WHERE datname <> 'template0'))
"""
_LOCALE = ("datcollate", "datctype", "datlocprovider", "datlocale", "daticulocale", "daticurules")

_SAFE = "SET default_transaction_read_only = on; SET lock_timeout = '500ms'; SET timezone = 'UTC';"
_OURS = r"""n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"""
# Prints a line of JSON for the tables, one for the sequences, one for the extensions and one for large objects. A line is missing if its
# query failed. No query waits for a locked table. Estimates are from the last ANALYZE, else from the statistics of writes.
_OUTLINE = rf"""
{_SAFE} SET statement_timeout = '{_EACH}s';
SELECT json_build_object('tables', coalesce((SELECT json_agg(json_build_object('table', format('%I.%I', n.nspname, c.relname),
    'kind', c.relkind, 'populated', c.relispopulated, 'parent', (SELECT format('%I.%I', pn.nspname, p.relname)
        FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
        WHERE i.inhrelid = c.oid AND c.relispartition),
    'estimate', coalesce(nullif(greatest(c.reltuples, 0)::bigint, 0), nullif(pg_stat_get_live_tuples(c.oid), 0)),
    'columns', (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
        AND NOT a.attisdropped)) ORDER BY n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm', 'f') AND {_OURS}), '[]'));
SELECT json_build_object('sequences', coalesce((SELECT json_agg(json_build_object('name', format('%I.%I', schemaname, sequencename),
    'last', last_value)) FROM pg_sequences), '[]'));
SELECT json_build_object('extensions', (SELECT json_agg(extname) FROM pg_extension));
SELECT json_build_object('objects', (SELECT coalesce(nullif(greatest(reltuples, 0)::bigint, 0), nullif(pg_stat_get_live_tuples(oid), 0))
    FROM pg_class WHERE oid = 'pg_largeobject_metadata'::regclass));
"""
# Prints a script for psql, which counts the tables, small ones first, and prints a line of JSON for each that is counted in time. The
# script ends in time even if tables are large or locked. Times are compared in UTC. A time in the future, such as an expiry, is left out,
# as it does not tell when the last row was written.
_COUNTED = rf"""
{_SAFE}
SELECT '{_SAFE.replace("'", "''")} \set go true';
SELECT format($$
\if :go
SELECT now() < %1$L AS go, set_config('statement_timeout',
    greatest(1, least({_EACH} * 1000, 1000 * extract(epoch FROM %1$L::timestamptz - now())))::int::text, false) AS each \gset
\endif
\if :go
SELECT json_build_object('counted', %2$L, 'rows', count(*), 'newest', json_build_object(%3$s)) FROM ONLY %4$s;
\endif$$, now() + '%SECONDS% s', one.name, one.moments, one.name)
FROM (SELECT format('%I.%I', n.nspname, c.relname) AS name, (
        SELECT string_agg(format('%1$L, max(%1$I::timestamptz) FILTER (WHERE %1$I <= now())', a.attname), ', ')
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)) AS moments, c.relpages AS pages
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE (c.relkind = 'r' OR c.relkind = 'm' AND c.relispopulated) AND {_OURS}
    UNION ALL SELECT 'pg_catalog.pg_largeobject_metadata', NULL, 0) one ORDER BY one.pages, one.name;
"""
# Prints the names of the tables without a row.
_EMPTY = rf"""
{_SAFE} SET statement_timeout = '1s';
SELECT format('SELECT %L WHERE NOT EXISTS (SELECT FROM ONLY %I.%I)', format('%I.%I', n.nspname, c.relname), n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND {_OURS} \gexec
"""


def server(postgres: Postgres, maintenance: str) -> Fact[Server | None]:
    """The server and all its databases; None if it does not answer. `maintenance` is the database to connect to."""

    def read(out: str) -> Server:
        raw = json.loads(out)
        return Server(raw["version"], raw["superuser"], {item["row"]["datname"]: _database(item) for item in raw["databases"]})

    def hides(found: Server | None) -> Iterator[str]:
        return (value for database in (found.databases.values() if found else ()) for value in _own_settings(database.settings))

    ask = postgres.psql(maintenance, words=("-A", "-t")).saying(_SERVER)
    return Fact((ask,), read, otherwise=lambda _: None, hides=hides)


def outline(postgres: Postgres, database: str) -> Fact[Content | None]:
    """The tables of a database with estimated rows, its sequences and extensions; None if it cannot be asked."""
    ask = _script(postgres, database).saying(_OUTLINE)
    return Fact((ask,), _content, otherwise=lambda _: None, deadline=_OUTLINING, keep=_KEEP)


def content(postgres: Postgres, database: str, *, within: float = COUNTING) -> Fact[Content | None]:
    """The contents of a database with its rows counted; None if it cannot be asked. Tables that are locked, or cannot be counted in
    `within` seconds, keep their estimates."""
    first = outline(postgres, database)
    write = _script(postgres, database).saying(_COUNTED.replace("%SECONDS%", str(within)))
    return replace(first, commands=(*first.commands, write.pipe(*_script(postgres, database).argv)), deadline=2 * _OUTLINING + within)


def empty(postgres: Postgres, database: str) -> Fact[frozenset[str]]:
    """The tables of a database that have no row; none if it cannot be asked. A table that is locked, or is not known to be empty within a
    second, is not among them."""
    ask = _script(postgres, database).saying(_EMPTY)
    return Fact((ask,), lambda out: frozenset(out.splitlines()), otherwise=lambda _: frozenset(), deadline=10.0, keep=_KEEP)


def _script(postgres: Postgres, database: str) -> Command:
    # The script continues after an error, so that a table that cannot be counted does not keep the others from being counted.
    return postgres.program("psql", "-X", "-q", "-A", "-t", "-v", "VERBOSITY=terse", database=database, rest=("-f", "-"), reads=True)


def free_space(postgres: Postgres) -> Fact[int | None]:
    """The free bytes where the server keeps its data; None if that cannot be known."""
    script = 'df -P -k "${PGDATA:-/var/lib/postgresql/data}"'
    command = Command.of("docker", "exec", postgres.container, "sh", "-c", script)
    return disk.free(command)


def client_version(postgres: Postgres) -> Fact[str]:
    """The version of the container's psql, such as `17.12`; `0` if it has none."""
    command = Command.of("docker", "exec", postgres.container, "psql", "--version")
    return Fact((command,), lambda out: out.split()[2], otherwise=lambda _: "0")


def _database(raw: dict[str, Any]) -> Database:
    row = raw["row"]
    return Database(
        name=row["datname"], oid=int(row["oid"]), owner=raw["owner"], encoding=raw["encoding"],
        locale={key: str(row[key]) for key in _LOCALE if row.get(key)}, tablespace=raw["tablespace"],
        connections=row["datconnlimit"], open=row["datallowconn"], size=raw["size"],
        comment=raw["comment"], settings=Secret(json.dumps(raw["settings"] or [])), grants=tuple(raw["grants"] or ()),
        sessions=tuple(Session(*session) for session in raw["sessions"] or ()), slots=tuple(raw["slots"] or ()),
        subscriptions=tuple(raw["subscriptions"] or ()), prepared=raw["prepared"],
    )  # fmt: skip


def _own_settings(settings: Secret) -> Iterator[str]:
    """The values of an application's own settings, whose names contain a dot. Postgres's settings are not secret."""
    for _, entries in json.loads(settings.reveal()):
        for name, _, value in (entry.partition("=") for entry in entries or ()):
            if "." in name:
                yield from secret_values.forms(value.encode())


_KINDS = {"p": Kind.PARTITIONED, "m": Kind.VIEW, "f": Kind.FOREIGN}  # by pg_class.relkind
_OBJECTS = "pg_catalog.pg_largeobject_metadata"


def _content(out: str) -> Content | None:
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    counted = {line["counted"]: line for line in lines if "counted" in line}
    known = {key: value for line in lines if "counted" not in line for key, value in line.items()}
    if "tables" not in known or "extensions" not in known:
        return None
    tables = {raw["table"]: _table(raw, counted.get(raw["table"])) for raw in known["tables"]}
    objects = counted.get(_OBJECTS, {"rows": known.get("objects")})["rows"]
    if objects:
        tables[LARGE_OBJECTS] = Table(LARGE_OBJECTS, objects, _OBJECTS in counted, (), None, "", Kind.LARGE_OBJECTS)
    read = known.get("sequences")
    sequences = None if read is None else {raw["name"]: Sequence(raw["name"], raw["last"]) for raw in read}
    return Content(_summed(tables), sequences, tuple(sorted(known["extensions"] or ())))


def _table(raw: dict[str, Any], counted: dict[str, Any] | None) -> Table:
    kind = _KINDS.get(raw["kind"], Kind.TABLE)
    rows, exact = (counted["rows"], True) if counted else (raw["estimate"], False)
    if not raw["populated"]:
        rows, exact = 0, True
    if kind is Kind.FOREIGN:
        rows, exact = None, True
    newest, by = _newest((counted or {}).get("newest", {}).items())
    return Table(raw["table"], rows, exact, tuple(raw["columns"] or ()), newest, by, kind, raw["parent"] or "")


def _summed(tables: dict[str, Table]) -> dict[str, Table]:
    """The tables, with partitioned ones given the rows of their partitions."""
    partitions: dict[str, list[str]] = {}
    for table in tables.values():
        partitions.setdefault(table.parent, []).append(table.name)

    def leaves(name: str) -> Iterator[Table]:
        for part in partitions.get(name, ()):
            yield from leaves(part) if tables[part].kind is Kind.PARTITIONED else (tables[part],)

    def summed(table: Table) -> Table:
        parts = [leaf for leaf in leaves(table.name) if leaf.kind is not Kind.FOREIGN]
        known = [leaf.rows for leaf in parts if leaf.rows is not None]
        moments = [(leaf.newest, leaf.by) for leaf in parts if leaf.newest]
        newest, by = max(moments, default=(None, ""))
        rows = sum(known) if len(known) == len(parts) else None
        return replace(table, rows=rows, exact=all(leaf.exact for leaf in parts), newest=newest, by=by)

    return {name: summed(table) if table.kind is Kind.PARTITIONED else table for name, table in tables.items()}


def _newest(moments: Iterable[tuple[str, str | None]]) -> tuple[datetime | None, str]:
    found = []
    for column, moment in moments:
        try:
            found.append((datetime.fromisoformat(moment or "").astimezone(UTC), column))
        except ValueError:
            continue  # there is none, or it is -infinity
    return max(found, default=(None, ""))
