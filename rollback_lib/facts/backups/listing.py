"""The files on the host that are backups of a database: what their headers say, and whether they are complete."""

import base64
from datetime import UTC, datetime

from rollback_lib.commands.command import Command
from rollback_lib.facts.backups import header
from rollback_lib.facts.backups.backup import CUSTOM, DIRECTORY, GZIP, ZSTD, Backup
from rollback_lib.facts.fact import Fact
from rollback_lib.host.snippets import SEEN

LISTED = 40  # how many backups are looked at, the newest ones
_LOOK = 3  # seconds for reaching the end of a compressed file; a file that takes longer is read when it is chosen
_CLOSED = "closed"  # the kind of a backup that the login user may not read

IDENTITY = r"""
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


def listing(pattern: str, most: int = LISTED) -> Fact[list[Backup]]:
    """The backups that match a pattern, newest first, `most` at most."""
    folder, _, name = pattern.rpartition("/")
    # The pattern is not quoted, as the shell has to expand it. The stack file may contain no character in it that would do more.
    look = SEEN + f'seen "$0" || exit 0; cd / && set -- "$@" "$0"/{name}; {IDENTITY}{_LIST}'
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
    return Command.of("sh", "-euc", IDENTITY + look, "sh", backup.path, backup.identity)


def _backup(line: str) -> Backup:
    path, kind, size, changed, head, tail, identity = line.split("\t")
    start, end = base64.b64decode(head), base64.b64decode(tail)
    when, known = datetime.fromtimestamp(int(changed), UTC), header.read(kind, start)
    whole: bool | None = None
    end, _, status = end.partition(b"\x1e") if kind in (GZIP, ZSTD) else (end, b"", b"0")
    if kind == _CLOSED:
        known, wrong = header.Header(), "the user we are logged in as may not read it"
    elif int(size) == 0:
        whole, wrong = False, "it is empty"
    elif status == b"124":
        wrong = ""  # it takes long to unpack; whether it is whole is known once it is read
    elif status != b"0":
        whole, wrong = False, "it is cut off: it cannot be unpacked to its end"
    elif known.wrong or kind == CUSTOM:
        wrong = known.wrong
    elif kind == DIRECTORY:
        whole, wrong = not end, end.decode(errors="replace").strip().replace("\n", ", ")
    else:
        whole = known.ends(end)
        wrong = "" if whole else "it is cut off: its last line is not there"
    return Backup(path, int(size), when, kind, known.version, known.by, known.database, whole, wrong, identity, of=known.of)
