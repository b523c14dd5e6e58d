"""A MariaDB or MySQL server, its databases, and their tables, as the server itself reports them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from rollback_lib.commands import stores
from rollback_lib.commands.command import Command
from rollback_lib.commands.mariadb import MariaDB, literal
from rollback_lib.facts import disk
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.tables import COUNTING, Content, Sequence, Session, Table
from rollback_lib.secrets.secret import Key

_EACH = 20  # seconds for one table
_OUTLINING = 60.0  # seconds for all that is not counted
_KEEP = 16 * 1024 * 1024  # bytes at each end of an answer; a database may have thousands of tables
MARIADB, MYSQL = "MariaDB", "MySQL"


@dataclass(frozen=True)
class Database:
    """A database. From information_schema.

    `oid` is the least number that InnoDB gave to one of its tables, which a table keeps when it moves to another database; 0 without
    such tables. `size` is in bytes. `fixed` counts what does not move with tables, such as views, by what people call it, `engines` has the
    storage engines of its tables, and `across` the foreign keys from or to another database; all three are known of the database of the
    stack alone.
    """

    name: str
    oid: int
    size: int
    charset: str
    collation: str
    sessions: tuple[Session, ...] = ()
    fixed: tuple[tuple[str, int], ...] = ()
    engines: tuple[str, ...] = ()
    across: tuple[str, ...] = ()

    def properties(self, _: Key) -> dict[str, str]:
        """What a database in its place must have as well. Grants belong to its name, which it keeps."""
        return {"character set and collation": f"{self.charset} {self.collation}"}


@dataclass(frozen=True)
class Server:
    """A server: which of the two it is, its version as `11.8.9`, whether the database user may do everything, and its databases by name."""

    flavour: str
    version: str
    superuser: bool
    databases: dict[str, Database]

    @property
    def numbers(self) -> tuple[int, ...]:
        return stores.version(self.version)

    @property
    def title(self) -> str:
        return f"{self.flavour} {self.version}"


# What stands in /*M!…*/ only MariaDB reads, what stands in /*!80000…*/ only MySQL.
_SAFE = f"""SET SESSION time_zone = '+00:00', lock_wait_timeout = 1, sql_mode = '', group_concat_max_len = 1000000
    /*M!100100 , max_statement_time = {_EACH} */ /*!80000 , max_execution_time = {_EACH * 1000}, information_schema_stats_expiry = 0 */;
SET SESSION TRANSACTION READ ONLY;"""
_SERVER = """
SELECT JSON_OBJECT('version', VERSION(), 'rights', (SELECT COUNT(DISTINCT PRIVILEGE_TYPE) FROM information_schema.USER_PRIVILEGES
    WHERE GRANTEE = CONCAT(X'27', REPLACE(CURRENT_USER(), '@', X'274027'), X'27') AND IS_GRANTABLE = 'YES'
    AND PRIVILEGE_TYPE IN ('SUPER', 'CREATE USER', 'PROCESS')));
SELECT JSON_OBJECT('database', SCHEMA_NAME, 'charset', DEFAULT_CHARACTER_SET_NAME, 'collation', DEFAULT_COLLATION_NAME, 'size',
    (SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) FROM information_schema.TABLES t WHERE t.TABLE_SCHEMA = s.SCHEMA_NAME))
FROM information_schema.SCHEMATA s WHERE SCHEMA_NAME NOT IN ('information_schema', 'performance_schema', 'sys');
SELECT JSON_OBJECT('numbered', SUBSTRING_INDEX(NAME, '/', 1), 'oid', MIN(TABLE_ID))
FROM information_schema./*M!100000 INNODB_SYS_TABLES */ /*!80000 INNODB_TABLES */ WHERE NAME LIKE '%/%'
GROUP BY SUBSTRING_INDEX(NAME, '/', 1);
SELECT JSON_OBJECT('session', ID, 'user', USER, 'from', HOST, 'in', DB) FROM information_schema.PROCESSLIST
WHERE DB IS NOT NULL AND ID <> CONNECTION_ID() AND COMMAND <> 'Daemon';
SELECT JSON_OBJECT('engine', ENGINE) FROM information_schema.TABLES
WHERE TABLE_SCHEMA = %NAME% AND TABLE_TYPE = 'BASE TABLE' GROUP BY ENGINE;
SELECT JSON_OBJECT('fixed', 'views', 'count', COUNT(*)) FROM information_schema.VIEWS WHERE TABLE_SCHEMA = %NAME%;
SELECT JSON_OBJECT('fixed', 'triggers', 'count', COUNT(*)) FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = %NAME%;
SELECT JSON_OBJECT('fixed', 'procedures and functions', 'count', COUNT(*)) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = %NAME%;
SELECT JSON_OBJECT('fixed', 'events', 'count', COUNT(*)) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %NAME%;
SELECT JSON_OBJECT('fixed', 'sequences and system-versioned tables', 'count', COUNT(*)) FROM information_schema.TABLES
WHERE TABLE_SCHEMA = %NAME% AND TABLE_TYPE NOT IN ('BASE TABLE', 'VIEW');
SELECT JSON_OBJECT('across', CONSTRAINT_NAME) FROM information_schema.REFERENTIAL_CONSTRAINTS
WHERE CONSTRAINT_SCHEMA <> UNIQUE_CONSTRAINT_SCHEMA AND %NAME% IN (CONSTRAINT_SCHEMA, UNIQUE_CONSTRAINT_SCHEMA);
"""
_OUTLINE = """
SELECT JSON_OBJECT('table', TABLE_NAME, 'estimate', TABLE_ROWS, 'next', AUTO_INCREMENT) FROM information_schema.TABLES
WHERE TABLE_SCHEMA = %NAME% AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_NAME;
SELECT JSON_OBJECT('of', TABLE_NAME, 'column', COLUMN_NAME) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %NAME%
ORDER BY TABLE_NAME, ORDINAL_POSITION;
SELECT JSON_OBJECT('whole', TRUE);
"""
_QUOTED = "CONCAT('`', REPLACE({0}, '`', '``'), '`')"
_TABLE = f"CONCAT({_QUOTED.format('t.TABLE_SCHEMA')}, '.', {_QUOTED.format('t.TABLE_NAME')})"
# Prints statements that count the tables, small ones first. A time in the future, such as an expiry, is left out, as it does not tell when
# the last row was written.
_COUNTED = f"""
SELECT CONCAT('SELECT JSON_OBJECT(''counted'', ', QUOTE(t.TABLE_NAME), ', ''rows'', COUNT(*), ''newest'', JSON_OBJECT(',
    COALESCE((SELECT GROUP_CONCAT(QUOTE(c.COLUMN_NAME), ', CAST(MAX(IF(', {_QUOTED.format("c.COLUMN_NAME")}, ' <= NOW(), ',
        {_QUOTED.format("c.COLUMN_NAME")}, ', NULL)) AS CHAR)') FROM information_schema.COLUMNS c WHERE c.TABLE_SCHEMA = t.TABLE_SCHEMA
        AND c.TABLE_NAME = t.TABLE_NAME AND c.DATA_TYPE IN ('datetime', 'timestamp', 'date')), ''),
    ')) FROM ', {_TABLE}, ';')
FROM information_schema.TABLES t WHERE t.TABLE_SCHEMA = %NAME% AND t.TABLE_TYPE = 'BASE TABLE' ORDER BY t.DATA_LENGTH, t.TABLE_NAME;
"""
# Prints statements, each of which prints the name of a table if that has no row.
_EMPTY = f"""
SELECT CONCAT('SELECT ', QUOTE(t.TABLE_NAME), ' FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM ', {_TABLE}, ');')
FROM information_schema.TABLES t WHERE t.TABLE_SCHEMA = %NAME% AND t.TABLE_TYPE = 'BASE TABLE' ORDER BY t.TABLE_NAME;
"""


def server(access: MariaDB, database: str) -> Fact[Server | None]:
    """The server and all its databases, the `database` of the stack more closely; None if it does not answer."""

    def read(out: str) -> Server:
        lines = [json.loads(line) for line in out.splitlines()]
        numbers = {_decoded(line["numbered"]): int(line["oid"]) for line in lines if "numbered" in line}
        found = {line["database"]: _database(line, numbers, lines) for line in lines if "database" in line}
        if database in found:
            found[database] = replace(
                found[database],
                fixed=tuple((line["fixed"], line["count"]) for line in lines if line.get("count")),
                engines=tuple(sorted(line["engine"] for line in lines if line.get("engine"))),
                across=tuple(sorted(line["across"] for line in lines if "across" in line)),
            )
        version = lines[0]["version"]
        flavour = MARIADB if MARIADB in version else MYSQL
        return Server(flavour, re.match(r"[0-9.]*", version)[0], lines[0]["rights"] >= 3, found)  # type: ignore[index]

    ask = access.sql(reads=True).saying(_SAFE + _SERVER.replace("%NAME%", literal(database)))
    return Fact((ask,), read, otherwise=lambda _: None)


def outline(access: MariaDB, database: str) -> Fact[Content | None]:
    """The tables of a database with estimated rows, and the numbers that they gave out; None if it cannot be asked."""
    ask = access.sql(reads=True).saying(_SAFE + _OUTLINE.replace("%NAME%", literal(database)))
    return Fact((ask,), _content, otherwise=lambda _: None, deadline=_OUTLINING, keep=_KEEP)


def content(access: MariaDB, database: str, *, within: float = COUNTING) -> Fact[Content | None]:
    """The contents of a database with its rows counted; None if it cannot be asked. Tables that are locked, or cannot be counted in
    `within` seconds, keep their estimates."""
    first = outline(access, database)
    count = _written(access, _COUNTED, database, within)
    return replace(first, commands=(*first.commands, count), deadline=2 * _OUTLINING + within)


def empty(access: MariaDB, database: str) -> Fact[frozenset[str]]:
    """The tables of a database that have no row; none if it cannot be asked."""
    ask = _written(access, _EMPTY, database, 8.0)
    return Fact((ask,), lambda out: frozenset(out.splitlines()), otherwise=lambda _: frozenset(), deadline=20.0, keep=_KEEP)


def _written(access: MariaDB, statement: str, database: str, within: float) -> Command:
    """A command that runs the statements that `statement` prints for a database, as far as they can be run, for `within` seconds."""
    run = """{ printf '%s\\n' "$2"; client "$1" -e "$2 $3"; } | { limit=$4; client "$1" --force 2>/dev/null || :; }"""
    return access.script(run, access.user, _SAFE, statement.replace("%NAME%", literal(database)), f"{within:.0f}")


def free_space(access: MariaDB) -> Fact[int | None]:
    """The free bytes where the server keeps its data; None if that cannot be known."""
    look = """df -P -k "$(client "$1" -e 'SELECT @@datadir')\""""
    return disk.free(access.script(look, access.user))


def client_version(access: MariaDB) -> Fact[str]:
    """The version of the container's client, such as `11.8.9`; `0` if it has none."""

    def read(out: str) -> str:
        found = re.search(r"(?:from|Distrib|Ver) ([0-9]+\.[0-9.]+)", out)
        return found[1] if found else "0"

    return Fact((access.script('"$program" --version'),), read, otherwise=lambda _: "0")


def _decoded(name: str) -> str:
    """A name as InnoDB writes it in the names of files, as people write it."""
    return re.sub(r"@([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), name)


def _database(raw: dict[str, Any], numbers: dict[str, int], lines: list[dict[str, Any]]) -> Database:
    name = raw["database"]
    sessions = (
        Session(line["session"], line["user"], "", line["from"].partition(":")[0])
        for line in lines if line.get("in") == name
    )  # fmt: skip
    return Database(name, numbers.get(name, 0), int(raw["size"]), raw["charset"], raw["collation"], tuple(sessions))


def _content(out: str) -> Content | None:
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    if not any("whole" in line for line in lines):
        return None
    counted = {line["counted"]: line for line in lines if "counted" in line}
    columns: dict[str, list[str]] = {}
    for line in lines:
        if "of" in line:
            columns.setdefault(line["of"], []).append(line["column"])
    there = [line for line in lines if "table" in line]
    tables = {raw["table"]: _table(raw, tuple(columns.get(raw["table"], ())), counted.get(raw["table"])) for raw in there}
    given = {raw["table"]: Sequence(raw["table"], raw["next"] - 1) for raw in there if raw["next"]}
    return Content(tables, given, ())


def _table(raw: dict[str, Any], columns: tuple[str, ...], counted: dict[str, Any] | None) -> Table:
    rows, exact = (counted["rows"], True) if counted else (raw["estimate"], False)
    newest, by = max(_moments((counted or {}).get("newest", {})), default=(None, ""))
    return Table(raw["table"], rows, exact, columns, newest, by)


def _moments(newest: dict[str, str | None]) -> Iterator[tuple[datetime, str]]:
    """The newest moments by column. The server has no time zone for them; they are taken for UTC, as its session had it."""
    for column, moment in newest.items():
        try:
            yield datetime.fromisoformat(moment or "").replace(tzinfo=UTC), column
        except ValueError:
            continue  # there is none, or it is 0000-00-00
