"""The files on the host that are backups of a data file, by what their beginnings say."""

import base64
from datetime import UTC, datetime

from rollback_lib.commands.command import Command
from rollback_lib.facts.backups import GZIP, LISTED, PLAIN, ZSTD, Backup
from rollback_lib.facts.backups.listing import IDENTITY
from rollback_lib.facts.fact import Fact
from rollback_lib.host.snippets import SEEN

SQLITE, REDIS = "sqlite", "redis"
_MAGIC = {SQLITE: b"SQLite format 3\0", REDIS: b"REDIS"}
_CALLED = {SQLITE: "a SQLite database", REDIS: "a snapshot (RDB) of a Redis"}
_HEAD = 100  # bytes of the header of a SQLite database
# Prints a line for each: path, compression, size, time of change, its first bytes (unpacked) in base64, identity, and whether SQLite's WAL
# is beside it. What SQLite has beside a file is no backup by itself.
_LIST = r"""
most=$1; shift
for path in "$@"; do
    case $path in *-wal | *-shm | *-journal) continue ;; esac
    [ -f "$path" ] && printf '%s\t%s\n' "$(stat -L -c %Y "$path")" "$path"
done | sort -rn | head -n "$most" | cut -f 2- |
while IFS= read -r path; do
    kind=closed beside=
    if [ -r "$path" ]; then
        case $(head -c 4 "$path" | od -An -tx1 | tr -d ' \n') in 1f8b*) kind=gzip ;; 28b52ffd) kind=zstd ;; *) kind=plain ;; esac
    fi
    [ ! -s "$path-wal" ] || beside=wal
    printf '%s\t%s\t%s\t%s\t' "$path" "$kind" "$(stat -L -c %s "$path")" "$(stat -L -c %Y "$path")"
    case $kind in gzip) gzip -dc "$path" ;; zstd) zstd -dcq "$path" ;; plain) cat "$path" ;; esac 2>/dev/null | head -c 100 | base64 -w0
    printf '\t%s\t%s\n' "$(identity "$path")" "$beside"
done
"""


def listing(pattern: str, kind: str, most: int = LISTED) -> Fact[list[Backup]]:
    """The backups of a data file of this kind that match a pattern, newest first, `most` at most."""
    folder, _, name = pattern.rpartition("/")
    # The pattern is not quoted, as the shell has to expand it. The stack file may contain no character in it that would do more.
    look = SEEN + f'seen "$0" || exit 0; cd / && set -- "$@" "$0"/{name}; {IDENTITY}{_LIST}'
    command = Command.of("sh", "-c", look, folder, str(most))
    missing = f"the backups {pattern} could not be read"
    return Fact((command,), lambda out: [_backup(line, kind) for line in out.splitlines()], missing=missing, deadline=120.0)


def _backup(line: str, kind: str) -> Backup:
    path, stored, size, changed, head, identity, beside = line.split("\t")
    start, when = base64.b64decode(head), datetime.fromtimestamp(int(changed), UTC)
    if stored == "closed":
        wrong = "the user we are logged in as may not read it"
    elif int(size) == 0:
        wrong = "it is empty"
    elif not start.startswith(_MAGIC[kind]):
        wrong = f"it is not {_CALLED[kind]}" if start else "it is cut off: it cannot be unpacked"
    elif kind == SQLITE and stored == PLAIN and (pages := header_bytes(start)) > int(size):
        wrong = f"it is cut off: its header says {pages:,} bytes, and it has {int(size):,}"
    elif beside:
        wrong = "its WAL is beside it, so it is a copy of a file in use; make backups with `sqlite3 FILE '.backup COPY'` or VACUUM INTO"
    else:
        wrong = ""
    compression = {"gzip": GZIP, "zstd": ZSTD, "plain": PLAIN}.get(stored)
    return Backup(path, int(size), when, compression, "", "", "", None, wrong, identity)


def header_bytes(head: bytes) -> int:
    """How many bytes a SQLite database has by its header (https://sqlite.org/fileformat.html): size of a page times number of pages; 0 if
    the number is not valid, as after a write by a version before 3.7."""
    if len(head) < _HEAD or head[24:28] != head[92:96]:
        return 0
    size = int.from_bytes(head[16:18], "big")
    return (65536 if size == 1 else size) * int.from_bytes(head[28:32], "big")
