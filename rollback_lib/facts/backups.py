"""The backups of a database on the host: what each says of itself, whether it is whole, and what is in it."""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from rollback_lib.command import Command
from rollback_lib.facts.fact import Fact
from rollback_lib.host.fragments import SEEN
from rollback_lib.postgres import Postgres

LISTED = 40  # backups that are looked at, the newest ones
READING = 1800.0  # seconds for reading a whole backup
_LOOK = 3  # seconds for the end of one compressed file; one that takes longer is read when it is chosen
_CUT = "ROLLBACK: THE STREAM BROKE OFF"
PLAIN, GZIP, ZSTD, CUSTOM, DIRECTORY = "plain", "gzip", "zstd", "custom", "directory"
_CLOSED = "closed"  # what is said of one that we may not read
ARCHIVES = (CUSTOM, DIRECTORY)


@dataclass(frozen=True)
class Backup:
    """A backup. `format` is None where it is none that can be restored; `whole` is None where only reading all of it tells;
    `wrong` says why it cannot be used. `version` and `by` are the server's and pg_dump's; `database` is the one it was made
    of, where it says so. `identity` (inodes, sizes, times of change to the nanosecond) is another one whenever somebody writes to it."""

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
        """The major version of the server it was made of; 0 when it does not say."""
        found = re.match(r"\d+", self.version)
        return int(found[0]) if found else 0


@dataclass(frozen=True)
class Contents:
    """What reading a whole backup brought out: rows by table, bytes of SQL, and what speaks against it."""

    rows: dict[str, int]
    bytes: int
    wrong: str


_IDENTITY = r"""
identity() {
    if [ -d "$1" ]; then find -L "$1" -type f -printf '%P %i %s %T@ %C@\n' | sort | sha256sum | cut -c -16
    else stat -L -c '%i %s %.9Y %.9Z' "$1"; fi
}
"""

# One line for each: path, kind, size, time of change, then head and tail (as they are when unpacked) in base64, and its
# identity. For a directory: the head of its table of contents, and the files of it that are missing or cut.
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
# Reads SQL as pg_dump writes it, COPY's data line by line: what tables there are, how many rows, and whether the end is there.
_SCAN = r"""
$0 == cut { broken = 1; next }
{ bytes += length($0) + 1 }
copying { if ($0 == "\\.") copying = 0; else rows[name]++; next }
/^COPY .* FROM stdin;$/ { name = substr($0, 6); rows[name] += 0; copying = 1; next }
/^CREATE (UNLOGGED )?TABLE / { made[substr($0, index($0, "TABLE ") + 6)] = 1; next }
/^INSERT INTO / { name = substr($0, 13); sub(/ (VALUES|OVERRIDING) .*/, "", name); rows[name]++; next }
/^\\/ && !/^\\(un)?restrict / { if (!command) command = NR ": " $1; next }
/^(CREATE|DROP) DATABASE / { if (!command) command = NR ": " $1 " " $2; next }
/^-- PostgreSQL database dump complete/ { complete = 1; next }
/^-- PostgreSQL database cluster dump/ { cluster = 1; next }
END {
    printf "bytes\t%.0f\ncomplete\t%d\nbroken\t%d\ncluster\t%d\ncommand\t%s\n", bytes, complete, broken, cluster, command
    for (name in made) printf "table\t%s\n", name
    for (name in rows) printf "rows\t%d\t%s\n", rows[name], name
}
"""


def listing(pattern: str) -> Fact[list[Backup]]:
    """The backups that match a pattern, newest first."""
    folder, _, name = pattern.rpartition("/")
    # The pattern is the one word that the shell is to expand: the stack's own check lets no character through that would do more.
    look = SEEN + f'seen "$0" || exit 0; cd / && set -- "$@" "$0"/{name}; {_IDENTITY}{_LIST}'
    command = Command.of("sh", "-c", look, folder, str(_LOOK), str(LISTED))
    return Fact(
        (command,),
        lambda out: [_backup(line) for line in out.splitlines()],
        missing=f"the backups {pattern} could not be read",
        deadline=120.0,
    )


def unchanged(backup: Backup) -> Command:
    """The command that fails where somebody has written to the backup since it was read."""
    look = '[ "$(identity "$1")" = "$2" ] || { echo "$1 has changed since it was read; make a new plan" >&2; exit 1; }'
    return Command.of("sh", "-euc", _IDENTITY + look, "sh", backup.path, backup.identity)


def stream(backup: Backup, postgres: Postgres) -> Command:
    """The command that writes the backup as SQL."""
    if backup.format == CUSTOM:
        return Command.of("docker", "exec", "-i", postgres.container, "pg_restore", "-f", "-").reading(backup.path)
    return Command.of(*{GZIP: ("gzip", "-dc"), ZSTD: ("zstd", "-dcq")}.get(backup.format or "", ("cat",)), backup.path)


def contents(backup: Backup, postgres: Postgres) -> Fact[Contents]:
    """Reads all of a backup, as it would be restored; a directory's tables are known once it is restored."""
    if backup.format == DIRECTORY:
        return Fact((), lambda _: Contents({}, backup.size, ""))
    script = f"{{ {stream(backup, postgres).shell()} || printf '\\n%s\\n' '{_CUT}'; }} | LC_ALL=C awk -v cut='{_CUT}' \"$1\""
    missing = f"{backup.path} could not be read"
    return Fact((Command.of("sh", "-c", script, "sh", _SCAN),), _contents, missing=missing, deadline=READING)


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
    """The header of an archive: three texts, each after its length, stand behind numbers of a fixed count.

    (src/bin/pg_dump/pg_backup_archiver.c, WriteHead: magic, version, sizes of numbers and offsets, format, compression, date,
    then database, server version, pg_dump version.)
    """
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


_TABLE = re.compile(r'((?:"(?:[^"]|"")+"|[^\s".(]+)\.(?:"(?:[^"]|"")+"|[^\s".(]+))')


def _contents(out: str) -> Contents:
    lines = [line.split("\t", 2) for line in out.splitlines()]
    known = {line[0]: line[1] for line in lines if line[0] not in ("table", "rows")}
    rows = {_table(line[1]): 0 for line in lines if line[0] == "table"}
    rows |= {_table(line[2]): int(line[1]) for line in lines if line[0] == "rows"}
    wrong = ""
    if known["broken"] == "1":
        wrong = "it is cut off: it cannot be read to its end"
    elif known["cluster"] == "1":
        wrong = "it is a dump of a whole server, not of one database"
    elif known["complete"] != "1":
        wrong = "it is cut off: its last line is not there"
    elif known["command"]:
        line, _, word = known["command"].partition(": ")
        wrong = f"line {line} of it, {word}, would lead out of the database it is restored into; make it without --create"
    return Contents(rows, int(known["bytes"]), wrong)


def _table(text: str) -> str:
    found = _TABLE.match(text)
    return found[1] if found else text
