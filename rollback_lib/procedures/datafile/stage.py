"""Making, of a backup beside a data file, what takes the place of that file."""

from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.facts.datafiles import Place

RAW = ".raw"  # the backup in its folder, as it was stored
# Unpacked, and proven to be what was checked; then with mode, owner, and further attributes of the file that is there.
_STAGE = r"""
folder=$1 path=$2 hash=$3 note=$4; shift 4
name=${path##*/}
cd "$folder"
case $(head -c 4 RAW | od -An -tx1 | tr -d ' \n') in
    1f8b*) gzip -dc RAW >"$name"; rm RAW ;;
    28b52ffd) zstd -dcq RAW >"$name"; rm RAW ;;
    *) mv RAW "$name" ;;
esac
[ "$(sha256sum <"$name" | cut -d ' ' -f 1)" = "$hash" ] || { echo "the backup is another one now; make a new plan" >&2; exit 1; }
as_it_was() { # as_it_was OLD NEW
    if [ -e "$1" ]; then
        cp --attributes-only --preserve=all "$1" "$2"
    else
        chown --reference="${path%/*}" "$2"
        chmod 644 "$2"
    fi
    touch "$2"
}
as_it_was "$path" "$name"
stat -c %i "$name" >"$note"
""".replace("RAW", RAW)
# Since Redis 7, the log is a folder with a list of its files, of which the first may be a snapshot (BASE). Before, it is a file that may
# begin with one. (https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/)
_FOLDER = r"""
log=$1 base=$2
mkdir "$log"
ln "$name" "$log/$base.1.base.rdb"
: >"$log/$base.1.incr.aof"
printf 'file %s.1.base.rdb seq 1 type b\nfile %s.1.incr.aof seq 1 type i\n' "$base" "$base" >"$log/$base.manifest"
chown --reference="$name" "$log" "$log"/*
chmod --reference="$name" "$log"/*
chmod 755 "$log"
[ ! -d "${path%/*}/$log" ] || { chown --reference="${path%/*}/$log" "$log"; chmod --reference="${path%/*}/$log" "$log"; }
"""
_FILE = r"""
ln "$name" "$1"
"""


@dataclass(frozen=True)
class Log:
    """The log of changes of a Redis (AOF): the folder or the file that it is in, beside the snapshot, and what its files are called."""

    place: str
    files: str

    @property
    def folder(self) -> bool:
        """Whether it is a folder, as since Redis 7."""
        return self.place != self.files


def stage(place: Place, folder: str, hash: str, note: str, log: Log | None) -> Command:
    """The command that makes of the stored backup in `folder` what takes the place of the file, whose SHA-256 has to be `hash`, and writes
    its number (inode) to the file `note`. With a log, Redis loads that, so it is one that begins with the backup."""
    made = "" if log is None else _FOLDER if log.folder else _FILE
    words = () if log is None else (log.place, log.files)
    return Command.script(f"{_STAGE}{made}sync . *\n", folder, place.path, hash, note, *words)
