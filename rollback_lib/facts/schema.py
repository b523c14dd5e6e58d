"""The tables and columns in the newest backups of a database, and which tables have rows in the newest one, read from the beginning of
each."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from rollback_lib.commands.command import Command
from rollback_lib.commands.psql import Postgres
from rollback_lib.facts.fact import Fact

NEWEST = 3  # how many backups are read
_BYTES = 8_000_000  # how many bytes of each are read at most; definitions come before the data
_ALL = 4_000_000_000  # the same where they come between the data; as far as three seconds reach


@dataclass(frozen=True)
class Schema:
    """The columns of each table, by the table's name, in a backup made at `when`. `filled` are the tables that have rows in it, as far as
    it was read; only the newest backup is read for that."""

    path: str
    when: datetime
    tables: Mapping[str, frozenset[str]]
    filled: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Difference:
    """The tables and columns that are gone, and those that are new."""

    gone: tuple[str, ...]
    new: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.gone or self.new)

    @property
    def words(self) -> str:
        """What is gone, and what is new."""
        parts = [
            f"{word}: {', '.join(names[:6])}{' …' if len(names) > 6 else ''}"
            for word, names in (("gone", self.gone), ("new", self.new))
            if names
        ]
        return "; ".join(parts)


# Prints a line for each backup: path, time of change, and the definitions of its tables in base64; of the newest one also a line of its
# own, after ROWS, for each table with rows. Where definitions come between the data, WHOLE says that all were read.
_READ = r"""
most=$1 bytes=$2 restore=$3 between=$4 data=yes; shift 4
for path in "$@"; do [ -f "$path" ] && printf '%s\t%s\n' "$(stat -L -c %Y "$path")" "$path"; done | sort -rn | head -n "$most" |
while IFS="$(printf '\t')" read -r when path; do
    case $(head -c 4 "$path" | od -An -tx1 | tr -d ' \n') in
        1f8b*) unpack='gzip -dc' ;; 28b52ffd) unpack='zstd -dcq' ;; 5047444d) unpack=$restore ;; *) unpack=cat ;;
    esac
    printf '%s\t%s\t' "$path" "$when"
    timeout 3 sh -c "$unpack" <"$path" 2>/dev/null | head -c "$bytes" | awk -v data="$data" -v between="$between" '
        copying { if ($0 == "\\.") copying = 0; else { print "ROWS " name; copying = 0; passing = 1 } next }
        passing { if ($0 == "\\.") passing = 0; next }
        /^-- Dump completed/ { print "WHOLE" }
        /^(COPY|INSERT INTO) / && !data { if (between) next; exit }
        /^COPY / { name = substr($0, 6); copying = 1; next }
        /^INSERT INTO / { name = substr($0, 13); sub(/ (VALUES|OVERRIDING) .*/, "", name); if (!said[name]++) print "ROWS " name; next }
        /^CREATE (UNLOGGED )?TABLE / { inside = 1 }
        inside { print }
        inside && /;$/ { inside = 0 }' | base64 -w0
    echo
    data=
done
"""
_ROWS = re.compile(r'^ROWS ((?:"(?:[^"]|"")+"|[^\s".(]+)\.(?:"(?:[^"]|"")+"|[^\s".(]+))', re.MULTILINE)
_TABLE = re.compile(r'^CREATE (?:UNLOGGED )?TABLE ((?:"(?:[^"]|"")+"|[^\s".(]+)\.(?:"(?:[^"]|"")+"|[^\s".(]+))')
_COLUMN = re.compile(r'^    ("(?:[^"]|"")+"|[a-z_][^\s"]*) ')


@dataclass(frozen=True)
class _Written:
    """How dumps write the names of tables with rows, of tables, and of columns; and whether definitions come between the data."""

    rows: re.Pattern[str]
    table: re.Pattern[str]
    column: re.Pattern[str]
    quote: str
    between: bool = False


_POSTGRES = _Written(_ROWS, _TABLE, _COLUMN, '"')
_MYSQL = _Written(
    re.compile(r"^ROWS (`(?:[^`]|``)+`)", re.MULTILINE), re.compile(r"^CREATE TABLE (`(?:[^`]|``)+`)"),
    re.compile(r"^  (`(?:[^`]|``)+`) "), "`", between=True,
)  # fmt: skip


def of_backups(pattern: str, postgres: Postgres) -> Fact[list[Schema]]:
    """The schemas of the newest backups whose path matches a shell pattern, newest first. Backups that cannot be read are left out."""
    return _ask(pattern, Command.of("docker", "exec", "-i", postgres.container, "pg_restore", "-f", "-").shell(), _POSTGRES)


def of_mysqldumps(pattern: str) -> Fact[list[Schema]]:
    """The same of dumps of MariaDB and MySQL. Names of tables are not quoted."""
    return _ask(pattern, "cat", _MYSQL)


def _ask(pattern: str, restore: str, written: _Written) -> Fact[list[Schema]]:
    folder, _, name = pattern.rpartition("/")
    # The pattern is not quoted, as the shell has to expand it. The stack file may contain no character in it that would do more.
    script = f'cd / && set -- "$@" "$0"/{name}; {_READ}'
    command = Command.of(
        "sh", "-c", script, folder, str(NEWEST), str(_ALL if written.between else _BYTES), restore, "yes" if written.between else ""
    )
    return Fact((command,), lambda out: _schemas(out, written), otherwise=lambda _: [], deadline=30.0)


def difference(old: Mapping[str, frozenset[str]], new: Mapping[str, frozenset[str]]) -> Difference:
    """What changed from the tables `old` to the tables `new`. Both are columns by table."""
    gone, added = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
    both = sorted(old.keys() & new.keys())
    gone += [f"{table}.{column}" for table in both for column in sorted(old[table] - new[table])]
    added += [f"{table}.{column}" for table in both for column in sorted(new[table] - old[table])]
    return Difference(tuple(gone), tuple(added))


def _schemas(out: str, written: _Written) -> list[Schema]:
    found = []
    for line in out.splitlines():
        path, when, encoded = line.split("\t")
        text = base64.b64decode(encoded).decode(errors="replace")
        if written.between and "\nWHOLE\n" not in text:
            continue
        if known := _tables(text, written):
            filled = frozenset(_named(name, written) for name in written.rows.findall(text))
            found.append(Schema(path, datetime.fromtimestamp(int(when), UTC), known, filled))
    return found


def tables(text: str) -> dict[str, frozenset[str]]:
    """The columns of each table that these statements create, by table. From `CREATE TABLE` as pg_dump writes it."""
    return _tables(text, _POSTGRES)


def _named(name: str, written: _Written) -> str:
    """A name as the server gives it: of MariaDB without quotes."""
    return name[1:-1].replace("``", "`") if written is _MYSQL else name


def _tables(text: str, written: _Written) -> dict[str, frozenset[str]]:
    made: dict[str, set[str]] = {}
    current: set[str] = set()
    for line in text.splitlines():
        begun, column = written.table.match(line), written.column.match(line)
        if begun:
            current = made.setdefault(_named(begun[1], written), set())
        elif column and column[1] != "CONSTRAINT":
            quote = written.quote
            current.add(column[1][1:-1].replace(2 * quote, quote) if column[1].startswith(quote) else column[1])
    return {name: frozenset(columns) for name, columns in made.items()}
