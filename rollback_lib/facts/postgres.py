"""What a Postgres server says of itself, of a database, and of the tables in it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rollback_lib.command import Command
from rollback_lib.facts import disk, hidden
from rollback_lib.facts.fact import Fact
from rollback_lib.postgres import Postgres
from rollback_lib.secret import Key, Secret

COUNTING = 600.0  # seconds for counting the tables of one database
_EACH = "20s"  # for one table; one that takes longer is estimated


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
    and `comment` are what is kept beside it and not in a dump. `slots` are logical replication slots, `prepared` transactions
    that were prepared for a commit in two phases."""

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


@dataclass(frozen=True)
class Table:
    """A table: its rows (`exact`, or as Postgres estimates them), its columns, and the newest moment in any of its columns
    that are of the past."""

    name: str
    rows: int
    exact: bool
    columns: tuple[str, ...]
    newest: datetime | None
    by: str


@dataclass(frozen=True)
class Sequence:
    """A sequence: the last value it gave out, None when it gave none."""

    name: str
    last: int | None


@dataclass(frozen=True)
class Content:
    """What is in a database."""

    tables: dict[str, Table]
    sequences: dict[str, Sequence]
    extensions: tuple[str, ...]


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
        'prepared', (SELECT count(*) FROM pg_prepared_xacts p WHERE p.database = d.datname)
    )) FROM pg_database d WHERE datname <> 'template0'))
"""
_LOCALE = ("datcollate", "datctype", "datlocprovider", "datlocale", "daticulocale", "daticurules")

# One line of JSON per table, with its rows as Postgres estimates them (a partitioned one has none of its own), then the
# sequences and the extensions.
_TABLES = r"""n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"""
_OUTLINE = rf"""
SET default_transaction_read_only = on; SET statement_timeout = '{_EACH}'; SET lock_timeout = '2s'; SET timezone = 'UTC';
SELECT json_build_object('table', format('%I.%I', n.nspname, c.relname),
    'estimate', CASE c.relkind WHEN 'r' THEN greatest(c.reltuples, 0)::bigint ELSE 0 END,
    'columns', (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
        AND NOT a.attisdropped))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND {_TABLES} ORDER BY 1::text;
SELECT json_build_object('sequence', format('%I.%I', schemaname, sequencename), 'last', last_value) FROM pg_sequences;
SELECT json_build_object('extension', extname) FROM pg_extension;
"""
# One line more for each table that could be counted in time. Moments are compared in UTC; one that is still to come (an
# expiry) says nothing of when the last row was written.
_COUNTED = rf"""
SELECT format('SELECT json_build_object(''counted'', %L, ''rows'', count(*), ''newest'', json_build_object(%s)) FROM ONLY %I.%I',
    format('%I.%I', n.nspname, c.relname),
    (SELECT string_agg(format('%L, max(%I::timestamptz) FILTER (WHERE %I <= now())', a.attname, a.attname, a.attname), ', ')
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)),
    n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND {_TABLES}
\gexec
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
    return _asked(postgres, database, _OUTLINE)


def content(postgres: Postgres, database: str) -> Fact[Content | None]:
    """The same with the rows counted."""
    return _asked(postgres, database, _OUTLINE + _COUNTED)


def _asked(postgres: Postgres, database: str, script: str) -> Fact[Content | None]:
    # A table that cannot be counted must not keep the others from it: the script goes on after an error.
    ask = postgres.program("psql", "-X", "-q", "-A", "-t", "-v", "VERBOSITY=terse", database=database, rest=("-f", "-"), reads=True)
    return Fact((ask.saying(script),), _content, otherwise=lambda _: None, deadline=COUNTING)


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
        sessions=tuple(Session(*one) for one in raw["sessions"] or ()), slots=tuple(raw["slots"] or ()), prepared=raw["prepared"],
    )  # fmt: skip


def _own_settings(settings: Secret) -> Iterator[str]:
    """The values of settings that are an application's own, whose names have a dot; those of Postgres itself are no secrets."""
    for _, entries in json.loads(settings.reveal()):
        for name, _, value in (entry.partition("=") for entry in entries or ()):
            if "." in name:
                yield from hidden.forms(value.encode())


def _content(out: str) -> Content | None:
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    counted = {one["counted"]: one for one in lines if "counted" in one}
    tables = {}
    for one in (line for line in lines if "table" in line):
        exact = counted.get(one["table"])
        newest, by = _newest((exact or {}).get("newest", {}).items())
        rows = exact["rows"] if exact else one["estimate"]
        tables[one["table"]] = Table(one["table"], rows, exact is not None, tuple(one["columns"] or ()), newest, by)
    sequences = {one["sequence"]: Sequence(one["sequence"], one["last"]) for one in lines if "sequence" in one}
    extensions = tuple(sorted(one["extension"] for one in lines if "extension" in one))
    # Every database has plpgsql or at least answers with a table; nothing at all means that psql could not log in.
    return Content(tables, sequences, extensions) if lines else None


def _newest(moments: Iterable[tuple[str, str | None]]) -> tuple[datetime | None, str]:
    found = []
    for column, moment in moments:
        try:
            found.append((datetime.fromisoformat(moment or "").astimezone(UTC), column))
        except ValueError:
            continue  # none, or -infinity
    return max(found, default=(None, ""))
