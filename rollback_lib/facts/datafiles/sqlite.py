"""What is in a SQLite database: read by SQLite itself, from Python or its own shell, on the host or in an image that is there."""

import base64
from collections.abc import Sequence

from rollback_lib.commands.command import Command
from rollback_lib.facts.backups import Backup, raw
from rollback_lib.facts.datafiles.content import READING, STAGE, Content, spoken, words
from rollback_lib.facts.datafiles.listing import header_bytes
from rollback_lib.facts.fact import Fact

LARGEST = 256 * 1024 * 1024  # bytes of a live database that are copied to be read
# Both print what SQLite itself says of the file, and the rows of each table. Virtual tables have no rows of their own.
_PYTHON = r"""
import sqlite3, sys
try:
    db = sqlite3.connect(sys.argv[1])
    said = " ".join(str(db.execute("PRAGMA integrity_check(1)").fetchone()[0]).split())
    names = [row[0] for row in db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")]
    rows = [(db.execute('SELECT count(*) FROM "%s"' % name.replace('"', '""')).fetchone()[0], name) for name in names]
    print("version\t" + sqlite3.sqlite_version)
    print("check\t" + said)
    for count, name in rows:
        print("rows\t%d\t%s" % (count, " ".join(name.split())))
except sqlite3.DatabaseError as error:
    print("check\t" + " ".join(str(error).split()))
"""
_SHELL = r"""
printf 'version\t%s\n' "$(sqlite3 -version | cut -d ' ' -f 1)"
printf 'check\t%s\n' "$(sqlite3 "$1" 'PRAGMA integrity_check(1)' 2>&1 | tr '\n' ' ' | sed 's/ $//')"
sqlite3 "$1" "SELECT 'SELECT ''rows'' || char(9) || count(*) || char(9) || ' || quote(name) || ' FROM \"' || replace(name, '\"', '\"\"')
    || '\";' FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite_%'" 2>/dev/null | sqlite3 "$1" 2>/dev/null
"""
# asked PYTHON SHELL IMAGE…: what SQLite says of $folder/file, from the first that has it. In an image there is no network, and nothing else
# of the host.
_ASK = r"""
says() { said=$("$@" 2>/dev/null) || return 1; case $said in *check*) printf 'by\t%s\n%s\n' "$by" "$said" ;; *) return 1 ;; esac; }
within() {
    image=$1 program=$2; shift 2
    docker run --rm --pull never --network none --read-only --user 0:0 --volume "$folder:/rollback" --entrypoint "$program" "$image" "$@"
}
asked() {
    python=$1 shell=$2; shift 2
    by="Python's SQLite on the host"; says python3 -c "$python" "$folder/file" && return 0
    by='sqlite3 on the host'; ! command -v sqlite3 >/dev/null || ! says sh -c "$shell" sh "$folder/file" || return 0
    for image; do
        by="Python's SQLite in the image $image"; says within "$image" python3 -c "$python" /rollback/file && return 0
        by="sqlite3 in the image $image"; says within "$image" sh -c "$shell" sh /rollback/file && return 0
    done
    printf 'by\tnobody\n'
}
"""
_BACKUP = r"""
python=$1 shell=$2; shift 2
images=; while [ "$1" != -- ]; do images="$images $1"; shift; done; shift
stage "$@"
[ "$(head -c 15 "$folder/file")" = 'SQLite format 3' ] || { printf 'wrong\tit is not a SQLite database\n'; exit 0; }
printf 'head\t%s\n' "$(head -c 100 "$folder/file" | base64 -w0)"
asked "$python" "$shell" $images
"""
# A copy of the file and of its WAL, taken again where they were written to meanwhile: nothing of the live database is opened.
_LIVE = r"""
path=$1 most=$2 python=$3 shell=$4; shift 4
folder=$(mktemp -d -p "${TMPDIR:-/var/tmp}" rollback.XXXXXXXX)
trap 'rm -rf "$folder"' EXIT; trap 'exit 1' HUP INT TERM
state() { stat -L -c '%n %i %s %.9Y' "$path" "$path-wal" "$path-journal" 2>/dev/null || :; }
size=$(cat "$path" "$path-wal" 2>/dev/null | head -c "$((most + 1))" | wc -c)
[ "$size" -le "$most" ] || { printf 'by\tlarge\n'; exit 0; }
for again in 1 2 3 4 5; do
    was=$(state)
    rm -f "$folder"/*
    cp "$path" "$folder/file"
    for part in wal journal; do [ ! -e "$path-$part" ] || cp "$path-$part" "$folder/file-$part"; done
    [ "$was" != "$(state)" ] || { chmod 644 "$folder"/*; asked "$python" "$shell" "$@"; exit 0; }
done
printf 'by\tbusy\n'
"""
_NOT_READ = {
    "nobody": "neither the host nor an image of the stack has SQLite",
    "large": f"it is larger than {LARGEST // 1024 // 1024} MB",
    "busy": "it is written to all the time",
}


def backup_of_sqlite(backup: Backup, images: Sequence[str], within: int = 0) -> Fact[Content]:
    """The content of a backup of a SQLite database, read to its end and checked by SQLite. `images` are those that may have SQLite, if the
    host has not; where none has, only its header and its size are known. If it is not read `within` so many seconds, nothing is known."""
    script = STAGE + _ASK + _BACKUP
    limit = ("timeout", "-k", "2", str(within)) if within else ()
    look = Command.of(*limit, "sh", "-euc", script, "sh", _PYTHON, _SHELL, *images, "--", *raw(backup).argv)
    unknown = (lambda _: Content("", proven=f"not read within {within} s")) if within else None
    missing = f"{backup.path} could not be read"
    return Fact((look,), _content, otherwise=unknown, missing=missing, deadline=READING, spoken=spoken)


def live_sqlite(path: str, images: Sequence[str], deadline: float = 60.0) -> Fact[Content]:
    """The content of a live SQLite database, of a copy of it that is made for that."""
    look = Command.of("sh", "-euc", _ASK + _LIVE, "sh", path, str(LARGEST), _PYTHON, _SHELL, *images)
    unknown = lambda _: Content("", proven="not read: no copy of it could be made")  # noqa: E731
    return Fact((look,), _content, otherwise=unknown, deadline=deadline, spoken=spoken)


def _content(out: str) -> Content:
    known = words(out)
    hashed, size = known.get("hash", ""), int(known.get("bytes", 0))
    if "wrong" in known:
        return Content(known["wrong"])
    if (pages := header_bytes(base64.b64decode(known.get("head", "")))) > size > 0:
        return Content(f"it is cut off: its header says {pages:,} bytes, and it has {size:,}")
    if known["by"] in _NOT_READ:
        return Content("", None, f"only its header: {_NOT_READ[known['by']]}", hashed, size)
    check = known.get("check", "")
    proven = f"PRAGMA integrity_check of {known['by']}{f' ({version})' if (version := known.get('version')) else ''}"
    if check != "ok":
        return Content(f"SQLite says of it: {check}", None, proven, hashed, size)
    rows = [line.split("\t", 2) for line in out.splitlines() if line.startswith("rows\t")]
    return Content("", {name: int(count) for _, count, name in rows}, proven, hashed, size)
