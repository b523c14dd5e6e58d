"""What a Postgres server says of itself, of a database, and of the tables in it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.commands.psql import Postgres
from rollback_lib.facts import disk, secret_values
from rollback_lib.facts.fact import Fact
from rollback_lib.secrets.secret import Key, Secret

COUNTING = 120.0  # seconds for counting the tables of one database; those that are not counted by then are estimated
LOOKING = 20.0  # the same for a first look, as before a plan
_EACH = 20  # seconds for one table
_OUTLINING = 60.0  # for all that is not counted
_KEEP = 16 * 1024 * 1024  # bytes at each end of what a database with thousands of tables says
LARGE_OBJECTS = "large objects"  # stands among the tables; no table has a name without its schema
TIMESCALE = "timescaledb"  # the extension


@dataclass(frozen=True)
class Session:
    """A session in a database: who, by which program, from where."""

    pid: int
    user: str
    program: str
    address: str


@dataclass(frozen=True)
class Database:
    """A database: `owner`, `encoding` and `locale` (its pg_database row's words for it), `size` in bytes; `settings`, `grants`
    and `comment` are what is kept beside it and not in a dump. `slots` are logical replication slots, `subscriptions` those that
    bring rows of other servers, `prepared` transactions that were prepared for a commit in two phases."""

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
        """What a database in its place has to have too, in words that can be compared and shown; `key` makes the hash of settings."""
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
    """A server: `version` as a number (170012 is 17.12), whether our user is a superuser, and its databases by name."""

    version: int
    superuser: bool
    databases: dict[str, Database]

    @property
    def words(self) -> str:
        return f"{self.version // 10000}.{self.version % 10000}"


class Kind(StrEnum):
    """What holds rows."""

    TABLE = "table"
    PARTITIONED = "partitioned table"
    VIEW = "materialized view"
    FOREIGN = "foreign table"
    LARGE_OBJECTS = "large objects"


@dataclass(frozen=True)
class Table:
    """A table, or what else holds rows: how many (`exact`, or as Postgres estimates them; None where nobody knows), its columns,
    the newest moment in any of its columns that are of the past, and the table it is a partition of.

    A partitioned table has the rows of its partitions; those of a foreign table lie elsewhere, and nobody asks for them.
    """

    name: str
    rows: int | None
    exact: bool
    columns: tuple[str, ...]
    newest: datetime | None
    by: str
    kind: Kind = Kind.TABLE
    parent: str = ""

    def fewer_than(self, rows: int) -> bool:
        """Whether it is known to have fewer rows: an estimate tells nothing."""
        return self.exact and self.rows is not None and self.rows < rows

    @property
    def words(self) -> str:
        """How many rows, an estimate with its sign."""
        if self.kind is Kind.FOREIGN:
            return "rows that lie elsewhere"
        if self.rows is None:
            return "rows that were not counted"
        return f"{'' if self.exact else '≈ '}{self.rows:,}{'' if self.kind is Kind.LARGE_OBJECTS else ' rows'}"


@dataclass(frozen=True)
class Sequence:
    """A sequence: the last value it gave out, None when it gave none."""

    name: str
    last: int | None


@dataclass(frozen=True)
class Content:
    """What is in a database. `sequences` is None where they could not be read, as while somebody alters one."""

    tables: dict[str, Table]
    sequences: dict[str, Sequence] | None
    extensions: tuple[str, ...]

    @property
    def rows(self) -> int:
        """All rows there are, as far as they are known; those of partitions once."""
        return sum(one.rows or 0 for one in self.tables.values() if one.kind in (Kind.TABLE, Kind.VIEW))

    @property
    def exact(self) -> bool:
        """Whether that was counted."""
        return all(one.exact for one in self.tables.values())


# to_jsonb of the row: its columns are others in every major version.
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
# A line of JSON each for the tables, the sequences and the extensions; one that is not there could not be read. Nothing here
# waits for a table that somebody has locked. Estimates: what the last ANALYZE found, else what has been written.
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
# The script that counts, small tables first, as psql itself runs it: a line of JSON for each that could be counted in time. It
# ends on its own, whatever is large or locked. Moments are compared in UTC; one that is still to come (an expiry) says nothing
# of when the last row was written.
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


def server(postgres: Postgres, maintenance: str) -> Fact[Server | None]:
    """The server and all its databases; None when it does not answer."""

    def read(out: str) -> Server:
        raw = json.loads(out)
        return Server(raw["version"], raw["superuser"], {one["row"]["datname"]: _database(one) for one in raw["databases"]})

    def hides(found: Server | None) -> Iterator[str]:
        return (value for one in (found.databases.values() if found else ()) for value in _own_settings(one.settings))

    ask = postgres.psql(maintenance, words=("-A", "-t")).saying(_SERVER)
    return Fact((ask,), read, otherwise=lambda _: None, hides=hides)


def outline(postgres: Postgres, database: str) -> Fact[Content | None]:
    """Tables with their rows estimated, sequences and extensions of a database; None when it cannot be asked."""
    ask = _script(postgres, database).saying(_OUTLINE)
    return Fact((ask,), _content, otherwise=lambda _: None, deadline=_OUTLINING, keep=_KEEP)


def content(postgres: Postgres, database: str, *, within: float = COUNTING) -> Fact[Content | None]:
    """The same with the rows counted, as many as can be in so many seconds: what is large, or locked, stays an estimate."""
    first = outline(postgres, database)
    write = _script(postgres, database).saying(_COUNTED.replace("%SECONDS%", str(within)))
    return replace(first, commands=(*first.commands, write.pipe(*_script(postgres, database).argv)), deadline=2 * _OUTLINING + within)


def _script(postgres: Postgres, database: str) -> Command:
    # A table that cannot be counted must not keep the others from it: the script continues after an error.
    return postgres.program("psql", "-X", "-q", "-A", "-t", "-v", "VERBOSITY=terse", database=database, rest=("-f", "-"), reads=True)


def free_space(postgres: Postgres) -> Fact[int | None]:
    """Bytes free where the server keeps its data; None when that cannot be known."""
    script = 'df -P -k "${PGDATA:-/var/lib/postgresql/data}"'
    command = Command.of("docker", "exec", postgres.container, "sh", "-c", script)
    return disk.free(command)


def client_version(postgres: Postgres) -> Fact[str]:
    """The version of the container's psql, as `17.12`."""
    command = Command.of("docker", "exec", postgres.container, "psql", "--version")
    return Fact((command,), lambda out: out.split()[2], otherwise=lambda _: "0")


def _database(raw: dict[str, Any]) -> Database:
    row = raw["row"]
    return Database(
        name=row["datname"], oid=int(row["oid"]), owner=raw["owner"], encoding=raw["encoding"],
        locale={key: str(row[key]) for key in _LOCALE if row.get(key)}, tablespace=raw["tablespace"],
        connections=row["datconnlimit"], open=row["datallowconn"], size=raw["size"],
        comment=raw["comment"], settings=Secret(json.dumps(raw["settings"] or [])), grants=tuple(raw["grants"] or ()),
        sessions=tuple(Session(*one) for one in raw["sessions"] or ()), slots=tuple(raw["slots"] or ()),
        subscriptions=tuple(raw["subscriptions"] or ()), prepared=raw["prepared"],
    )  # fmt: skip


def _own_settings(settings: Secret) -> Iterator[str]:
    """The values of settings that are an application's own, whose names have a dot; those of Postgres itself are no secrets."""
    for _, entries in json.loads(settings.reveal()):
        for name, _, value in (entry.partition("=") for entry in entries or ()):
            if "." in name:
                yield from secret_values.forms(value.encode())


_KINDS = {"p": Kind.PARTITIONED, "m": Kind.VIEW, "f": Kind.FOREIGN}  # by pg_class.relkind
_OBJECTS = "pg_catalog.pg_largeobject_metadata"


def _content(out: str) -> Content | None:
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    counted = {one["counted"]: one for one in lines if "counted" in one}
    known = {key: value for one in lines if "counted" not in one for key, value in one.items()}
    if "tables" not in known or "extensions" not in known:
        return None
    tables = {one["table"]: _table(one, counted.get(one["table"])) for one in known["tables"]}
    objects = counted.get(_OBJECTS, {"rows": known.get("objects")})["rows"]
    if objects:
        tables[LARGE_OBJECTS] = Table(LARGE_OBJECTS, objects, _OBJECTS in counted, (), None, "", Kind.LARGE_OBJECTS)
    read = known.get("sequences")
    sequences = None if read is None else {one["name"]: Sequence(one["name"], one["last"]) for one in read}
    return Content(_summed(tables), sequences, tuple(sorted(known["extensions"] or ())))


def _table(one: dict[str, Any], counted: dict[str, Any] | None) -> Table:
    kind = _KINDS.get(one["kind"], Kind.TABLE)
    rows, exact = (counted["rows"], True) if counted else (one["estimate"], False)
    if not one["populated"]:
        rows, exact = 0, True
    if kind is Kind.FOREIGN:
        rows, exact = None, True
    newest, by = _newest((counted or {}).get("newest", {}).items())
    return Table(one["table"], rows, exact, tuple(one["columns"] or ()), newest, by, kind, one["parent"] or "")


def _summed(tables: dict[str, Table]) -> dict[str, Table]:
    """The same, partitioned tables with the rows of their partitions."""
    partitions: dict[str, list[str]] = {}
    for one in tables.values():
        partitions.setdefault(one.parent, []).append(one.name)

    def leaves(name: str) -> Iterator[Table]:
        for one in partitions.get(name, ()):
            yield from leaves(one) if tables[one].kind is Kind.PARTITIONED else (tables[one],)

    def whole(one: Table) -> Table:
        mine = [leaf for leaf in leaves(one.name) if leaf.kind is not Kind.FOREIGN]
        known = [leaf.rows for leaf in mine if leaf.rows is not None]
        moments = [(leaf.newest, leaf.by) for leaf in mine if leaf.newest]
        newest, by = max(moments, default=(None, ""))
        rows = sum(known) if len(known) == len(mine) else None
        return replace(one, rows=rows, exact=all(leaf.exact for leaf in mine), newest=newest, by=by)

    return {name: whole(one) if one.kind is Kind.PARTITIONED else one for name, one in tables.items()}


def _newest(moments: Iterable[tuple[str, str | None]]) -> tuple[datetime | None, str]:
    found = []
    for column, moment in moments:
        try:
            found.append((datetime.fromisoformat(moment or "").astimezone(UTC), column))
        except ValueError:
            continue  # none, or -infinity
    return max(found, default=(None, ""))
