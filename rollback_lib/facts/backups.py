"""The backups of a database on the host: what their headers say, whether they are complete, and what they contain."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rollback_lib.commands.command import Command
from rollback_lib.commands.psql import Postgres
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.postgres import LARGE_OBJECTS, TIMESCALE, Kind
from rollback_lib.host.snippets import SEEN

LISTED = 40  # how many backups are looked at, the newest ones
_KEEP = 16 * 1024 * 1024  # bytes at each end of an answer; a backup may have thousands of tables
READING = 1800.0  # seconds for reading a whole backup
_LOOK = 3  # seconds for reaching the end of a compressed file; a file that takes longer is read when it is chosen
_CUT = "ROLLBACK: THE STREAM BROKE OFF"
PLAIN, GZIP, ZSTD, CUSTOM, DIRECTORY = "plain", "gzip", "zstd", "custom", "directory"
_CLOSED = "closed"  # the kind of a backup that the login user may not read
ARCHIVES = (CUSTOM, DIRECTORY)
_FORMATS = (17, 16)  # major versions of pg_dump whose archives no older pg_restore can read


@dataclass(frozen=True)
class Backup:
    """A backup: a file, or the folder of a directory-format dump.

    `size` is in bytes. `format` is None if it cannot be restored. `whole` is whether it is complete; None if it has to be read in full to
    know that. `wrong` says why it cannot be used, "" if it can. `version` is the server's and `by` pg_dump's version. `database` is
    the one that was dumped, "" if the backup does not say. `identity` (inodes, sizes, times to the nanosecond) changes with every write.
    """

    path: str
    size: int
    changed: datetime
    format: str | None
    version: str
    by: str
    database: str
    whole: bool | None
    wrong: str
    identity: str = ""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def major(self) -> int:
        """The major version of the server that was dumped; 0 if the backup does not say."""
        return major(self.version)

    @property
    def reader(self) -> int:
        """The oldest major version of pg_restore that can read this archive; 0 if every version can, and for SQL."""
        return next((version for version in _FORMATS if self.format in ARCHIVES and major(self.by) >= version), 0)


@dataclass(frozen=True)
class Contents:
    """What is in a backup, found by reading all of it: rows by table, and bytes of SQL.

    `wrong` says why it cannot be used, "" if it can. `others` are the materialized views and foreign tables that it creates; how many rows
    those have is not in a backup.
    """

    rows: dict[str, int]
    bytes: int
    wrong: str
    others: dict[str, Kind] = field(default_factory=dict)


_IDENTITY = r"""
identity() {
    if [ -d "$1" ]; then find -L "$1" -type f -printf '%P %i %s %T@ %C@\n' | sort | sha256sum | cut -c -16
    else stat -L -c '%i %s %.9Y %.9Z' "$1"; fi
}
"""

# Prints a line for each backup: path, kind, size, time of change, its head and its tail (unpacked) in base64, and its identity. For a
# directory, head is that of its table of contents, and in place of the tail are its files that are missing or cut off.
_LIST = r"""
look=$1 most=$2; shift 2
for path in "$@"; do [ -e "$path" ] && printf '%s\t%s\n' "$(stat -L -c %Y "$path")" "$path"; done | sort -rn | head -n "$most" | cut -f 2- |
while IFS= read -r path; do
    if [ ! -r "$path" ]; then
        printf '%s\tclosed\t%s\t%s\t\t\t%s\n' "$path" "$(stat -L -c %s "$path")" "$(stat -L -c %Y "$path")" "$(identity "$path")"
        continue
    fi
    if [ -d "$path" ]; then
        size=$(du -sbL "$path" | cut -f 1)
        printf '%s\tdirectory\t%s\t%s\t' "$path" "$size" "$(stat -L -c %Y "$path/toc.dat" 2>/dev/null || echo 0)"
        head -c 4096 "$path/toc.dat" 2>/dev/null | base64 -w0
        printf '\t'
        { grep -aoE '[0-9]+\.dat|blobs_[0-9]+\.toc' "$path/toc.dat" 2>/dev/null | sort -u | while read -r part; do
            for file in "$path/$part" "$path/$part.gz" "$path/$part.lz4" "$path/$part.zst"; do [ -f "$file" ] && continue 2; done
            echo "$part is missing"
        done
        for file in "$path"/*.gz; do [ ! -f "$file" ] || timeout "$look" gzip -tq "$file" 2>/dev/null || echo "${file##*/} is cut"; done
        } | head -c 400 | base64 -w0
        printf '\t%s\n' "$(identity "$path")"
        continue
    fi
    case $(head -c 4 "$path" | od -An -tx1 | tr -d ' \n') in
        1f8b*) kind=gzip ;; 28b52ffd) kind=zstd ;; 5047444d) kind=custom ;; *) kind=plain ;;
    esac
    unpack() { case $kind in gzip) timeout "$look" gzip -dc "$path" ;; zstd) timeout "$look" zstd -dcq "$path" ;; *) cat "$path" ;; esac }
    printf '%s\t%s\t%s\t%s\t' "$path" "$kind" "$(stat -L -c %s "$path")" "$(stat -L -c %Y "$path")"
    unpack 2>/dev/null | head -c 4096 | base64 -w0
    printf '\t'
    case $kind in
        gzip | zstd) { unpack 2>/dev/null; printf '\036%s' "$?"; } | tail -c 400 | base64 -w0 ;;
        *) tail -c 400 "$path" | base64 -w0 ;;
    esac
    printf '\t%s\n' "$(identity "$path")"
done
"""
# Reads SQL as psql does, and the data of COPY line by line. Finds the tables, how many rows they have, whether the end is there, and
# whether there is a command of psql's own. Such a command begins with a backslash, outside of strings, quoted names, comments and
# dollar-quoted text. `inside` is the mark that began what psql is in; `e` stands for a string in which backslashes escape.
# (src/fe_utils/psqlscan.l)
_SCAN = r"""
function part_of_a_name(c) { return c != "" && (c ~ /[A-Za-z0-9_$]/ || c > "~") }
function enter(mark) { inside = mark; since = NR }
# The mark that begins at a dollar; where that is of a name, or begins nothing, the stretch to be passed over.
function dollar(text, at,    from, end, rest) {
    for (from = at; from > 1 && part_of_a_name(substr(text, from - 1, 1)); from--) continue
    if (substr(text, from, at - from) ~ /[^0-9]/) {
        for (end = at; part_of_a_name(substr(text, end + 1, 1)); end++) continue
        return substr(text, at, end - at + 1)
    }
    end = index(substr(text, at + 1), "$")
    rest = substr(text, at + 1, end - 1)
    if (!end || rest ~ /^[0-9]/) return "$"
    gsub(/[A-Za-z0-9_]/, "", rest)
    if (rest ~ /[ -~\t]/) return "$"
    enter(substr(text, at, end + 1))
    return inside
}
# A stretch of a line that has no quote in it; true where the rest of the line is a comment or a command.
function stretch(text,    at, mark) {
    while (text != "") {
        if (inside == "'" || inside == "e") return 0
        if (inside == "*") {
            if (!match(text, /\/\*|\*\//)) return 0
            depth += substr(text, RSTART, 1) == "/" ? 1 : -1
            if (!depth) inside = ""
            text = substr(text, RSTART + 2)
        } else if (inside != "") {
            if (!(at = index(text, inside))) return 0
            text = substr(text, at + length(inside)); inside = ""
        } else {
            if (!match(text, /["$\\]|--|\/\*/)) return 0
            at = RSTART; mark = substr(text, at, RLENGTH)
            if (mark == "--") return 1
            if (mark == "\\" && substr(text, at + 1, 1) !~ /[;:]/) { 
                match(substr(text, at + 1), /^[A-Za-z]+|^./); told("\\" substr(text, at + 1, RLENGTH > 0 ? RLENGTH : 0)); return 1
            }
            if (mark == "/*") { enter("*"); depth = 1 }
            if (mark == "\"") enter(mark)
            if (mark == "$") mark = dollar(text, at)
            text = substr(text, at + (mark == "\\" ? 2 : length(mark)))
        }
    }
    return 0
}
function line(text,    number, k, parts, closed) {
    number = split(text, parts, "'")
    if (inside == "" && number % 2 && text !~ /["$\\]|--|\/\*/) return
    for (k = 1; k <= number; k++) {
        if (stretch(parts[k])) return
        if (k == number) return
        if (inside == "'") { inside = ""; closed = "'" }
        else if (inside == "e") { match(parts[k], /\\*$/); if (RLENGTH % 2 == 0) { inside = ""; closed = "e" } }
        else if (inside == "") {
            if (closed != "" && parts[k] == "") enter(closed)
            else if (parts[k] ~ /[Ee]$/ && !part_of_a_name(substr(parts[k], length(parts[k]) - 1, 1))) enter("e")
            else enter(plain)
        }
    }
}
function told(what) { if (!command) command = NR ": " what }
BEGIN { plain = "'" }
$0 == cut { broken = 1; next }
{ bytes += length($0) + 1 }
copying { if ($0 == "\\." || $0 == "\\.\r") copying = 0; else rows[name]++; next }
{ sub(/\r$/, "") }
/^-- PostgreSQL database dump complete/ { complete = 1 }
inside != "" { line($0); next }
/^[Cc][Oo][Pp][Yy] / && tolower($0) ~ / from stdin[^']*;$/ { name = substr($0, 6); rows[name] += 0; copying = 1; next }
/^\\(un)?restrict / { next }
/^CREATE (UNLOGGED )?TABLE / { made[substr($0, index($0, "TABLE ") + 6)] = 1 }
/^CREATE MATERIALIZED VIEW / { views[substr($0, 26)] = 1 }
/^CREATE FOREIGN TABLE / { foreign[substr($0, 22)] = 1 }
/^INSERT INTO / { name = substr($0, 13); sub(/ (VALUES|OVERRIDING)( .*)?$/, "", name); rows[name]++ }
/^SELECT pg_catalog.lo_create\(/ { objects++ }
/^(CREATE|DROP) DATABASE / { told($1 " " $2) }
/^CREATE SUBSCRIPTION / { subscription = 1 }
/^CREATE EXTENSION (IF NOT EXISTS )?"?timescaledb"?[ ;]/ { timescale = 1 }
/^SET standard_conforming_strings = off/ { plain = "e" }
/^SET standard_conforming_strings = on/ { plain = "'" }
/^-- PostgreSQL database cluster dump/ { cluster = 1 }
{ line($0) }
END {
    printf "bytes\t%.0f\ncomplete\t%d\nbroken\t%d\ncluster\t%d\ncommand\t%s\n", bytes, complete, broken, cluster, command
    printf "open\t%s\nsubscription\t%d\ntimescale\t%d\nobjects\t%d\n", inside == "" ? "" : since, subscription, timescale, objects
    for (name in made) printf "table\t%s\n", name
    for (name in views) printf "view\t%s\n", name
    for (name in foreign) printf "foreign\t%s\n", name
    for (name in rows) printf "rows\t%d\t%s\n", rows[name], name
}
"""
_TABLE = re.compile(r'((?:"(?:[^"]|"")+"|[^\s".(]+)\.(?:"(?:[^"]|"")+"|[^\s".(]+))')
# Prints statements from the table of contents of a directory. In it each text follows its length, whose last byte is a zero.
_TOC = r"""tr '\000' '\n' <"$1/toc.dat" | LC_ALL=C grep -aE '^(CREATE (EXTENSION|SUBSCRIPTION|FOREIGN TABLE) |COPY )' | cut -c -300"""


def listing(pattern: str, most: int = LISTED) -> Fact[list[Backup]]:
    """The backups that match a pattern, newest first, `most` at most."""
    folder, _, name = pattern.rpartition("/")
    # The pattern is not quoted, as the shell has to expand it. The stack file may contain no character in it that would do more.
    look = SEEN + f'seen "$0" || exit 0; cd / && set -- "$@" "$0"/{name}; {_IDENTITY}{_LIST}'
    command = Command.of("sh", "-c", look, folder, str(_LOOK), str(most))
    return Fact(
        (command,),
        lambda out: [_backup(line) for line in out.splitlines()],
        missing=f"the backups {pattern} could not be read",
        deadline=120.0,
    )


def unchanged(backup: Backup) -> Command:
    """A command that fails if the backup has been written to since it was read."""
    look = '[ "$(identity "$1")" = "$2" ] || { echo "$1 has changed since it was read; make a new plan" >&2; exit 1; }'
    return Command.of("sh", "-euc", _IDENTITY + look, "sh", backup.path, backup.identity)


def stream(backup: Backup, postgres: Postgres) -> Command:
    """A command that prints the backup as SQL. Not for a backup in directory format."""
    if backup.format == CUSTOM:
        return Command.of("docker", "exec", "-i", postgres.container, "pg_restore", "-f", "-").reading(backup.path)
    return Command.of(*{GZIP: ("gzip", "-dc"), ZSTD: ("zstd", "-dcq")}.get(backup.format or "", ("cat",)), backup.path)


def contents(backup: Backup, postgres: Postgres) -> Fact[Contents]:
    """The contents of a backup, found by reading all of it as a restore would. Of a directory, only the table of contents is read, and
    its tables are not known before it is restored."""
    missing = f"{backup.path} could not be read"
    if backup.format == DIRECTORY:
        toc = Command.of("sh", "-c", _TOC, "sh", backup.path)
        return Fact((toc,), lambda out: Contents({}, backup.size, _wrong_in(out)), missing=missing, keep=_KEEP)
    script = f"{{ {stream(backup, postgres).shell()} || printf '\\n%s\\n' '{_CUT}'; }} | LC_ALL=C awk -v cut='{_CUT}' \"$1\""
    read = Command.of("sh", "-c", script, "sh", _SCAN)
    return Fact((read,), lambda out: _contents(out, by_psql=backup.format not in ARCHIVES), missing=missing, deadline=READING, keep=_KEEP)


def major(version: str) -> int:
    """The major version in a text such as `17.12`; 0 if the text is no version."""
    found = re.match(r"\d+", version)
    return int(found[0]) if found else 0


def _backup(line: str) -> Backup:
    path, kind, size, changed, head, tail, identity = line.split("\t")
    start, end = base64.b64decode(head), base64.b64decode(tail)
    when = datetime.fromtimestamp(int(changed), UTC)
    known: dict[str, str] = {"version": "", "by": "", "database": ""}
    whole: bool | None = None
    wrong = ""
    if kind == _CLOSED:
        wrong = "the user we are logged in as may not read it"
    elif kind in ARCHIVES:
        known = _archive(start)
        if not known["version"]:
            wrong = "it is not an archive of pg_dump"
        elif kind == DIRECTORY:
            whole, wrong = not end, end.decode(errors="replace").strip().replace("\n", ", ")
    else:
        known = _plain(start)
        end, _, status = end.partition(b"\x1e") if kind != PLAIN else (end, b"", b"0")
        if int(size) == 0:
            whole, wrong = False, "it is empty"
        elif status == b"124":
            whole = None
        elif status != b"0":
            whole, wrong = False, "it is cut off: it cannot be unpacked to its end"
        elif start.startswith(b"PGDMP"):
            wrong = "it is an archive that was compressed once more; unpack it"
        elif b"PostgreSQL database cluster dump" in start:
            wrong = "it is a dump of a whole server, not of one database"
        elif not known["version"]:
            wrong = "it is not a dump of pg_dump"
        else:
            whole = b"PostgreSQL database dump complete" in end
            wrong = "" if whole else "it is cut off: its last line is not there"
    return Backup(path, int(size), when, kind, known["version"], known["by"], known["database"], whole, wrong, identity)


def _plain(head: bytes) -> dict[str, str]:
    text = head.decode(errors="replace")
    server = re.search(r"^-- Dumped from database version (\S+)", text, re.MULTILINE)
    client = re.search(r"^-- Dumped by pg_dump version (\S+)", text, re.MULTILINE)
    return {"version": server[1] if server else "", "by": client[1] if client else "", "database": ""}


def _archive(head: bytes) -> dict[str, str]:
    """Read the header of an archive, as WriteHead in src/bin/pg_dump/pg_backup_archiver.c writes it: magic, version, sizes of numbers
    and offsets, format, compression, date; then database, server version and pg_dump version, each text after its length."""
    nothing = {"version": "", "by": "", "database": ""}
    if not head.startswith(b"PGDMP") or len(head) < 60:
        return nothing
    minor, width = head[6], head[8]
    at = 11  # magic 5, version 3, sizes 2, format 1
    at += 1 if (head[5], minor) >= (1, 15) else 1 + width  # compression: one byte since 1.15, a number before
    at += 7 * (1 + width)  # the date

    def text() -> str:
        nonlocal at
        length = int.from_bytes(head[at + 1 : at + 1 + width], "little")
        at += 1 + width + length
        return head[at - length : at].decode(errors="replace")

    try:
        database, server, client = text(), text(), text()
    except IndexError:
        return nothing
    return {"version": server.split(" ")[0], "by": client.split(" ")[0], "database": database}


def _contents(out: str, *, by_psql: bool) -> Contents:
    lines = [line.split("\t", 2) for line in out.splitlines()]
    known = {line[0]: line[1] for line in lines if line[0] not in ("table", "rows", "view", "foreign")}
    rows = {_table(line[1]): 0 for line in lines if line[0] == "table"}
    rows |= {_table(line[2]): int(line[1]) for line in lines if line[0] == "rows"}
    rows |= {LARGE_OBJECTS: int(known["objects"])} if known["objects"] != "0" else {}
    others = {_table(line[1]): kind for word, kind in (("view", Kind.VIEW), ("foreign", Kind.FOREIGN)) for line in lines if line[0] == word}
    wrong = ""
    if known["broken"] == "1":
        wrong = "it is cut off: it cannot be read to its end"
    elif known["cluster"] == "1":
        wrong = "it is a dump of a whole server, not of one database"
    elif known["complete"] != "1":
        wrong = "it is cut off: its last line is not there"
    elif known["command"] and by_psql:
        line, _, word = known["command"].partition(": ")
        how = "take that out of it" if word.startswith("\\") and word != "\\connect" else "make it without --create"
        wrong = f"line {line} of it, {word}, would lead out of the database it is restored into; {how}"
    elif known["open"] and by_psql:
        wrong = f"what begins in line {known['open']} of it, a string, a name or a comment, does not end"
    else:
        wrong = _unfit(known["timescale"] == "1", known["subscription"] == "1", rows.keys() & others.keys())
    return Contents(rows, int(known["bytes"]), wrong, others)


def _wrong_in(toc: str) -> str:
    """Why a directory cannot be restored, from its table of contents; "" if it can."""
    extension = re.search(r"^CREATE EXTENSION (IF NOT EXISTS )?timescaledb[ ;]", toc, re.MULTILINE) is not None
    subscription = re.search(r"^CREATE SUBSCRIPTION ", toc, re.MULTILINE) is not None
    foreign, filled = (
        {_table(text) for text in re.findall(rf"^{word} (.*)", toc, re.MULTILINE)} for word in ("CREATE FOREIGN TABLE", "COPY")
    )
    return _unfit(extension, subscription, foreign & filled)


def _unfit(timescale: bool, subscription: bool, elsewhere: Iterable[str]) -> str:
    """Why a backup is not restored although it is complete; "" if it is."""
    if timescale:
        return f"it has the extension {TIMESCALE}, whose restore needs special calls before and after"
    if subscription:
        return "it makes a subscription, and so a second receiver of the same rows; make it with --no-subscriptions"
    filled = sorted(elsewhere)
    if filled:
        return f"it has rows of the foreign table {', '.join(filled[:3])}, which would be written to where they lie; make it without them"
    return ""


def _table(text: str) -> str:
    found = _TABLE.match(text)
    return found[1] if found else text
