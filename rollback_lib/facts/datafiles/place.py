"""A data file on the host: its parts, what earlier runs kept beside it, the disk that it is on, and who has it open."""

import re
from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact

NETWORK = ("nfs", "cifs", "smb", "smb2", "fuse", "fuseblk", "ceph", "v9fs", "afs")  # file systems as `stat -f` names them
# openers PATH: the processes that have the file open, by its number, as each container has its own paths. Only root sees those of others.
OPENERS = r"""
openers() {
    set -- $(stat -L -c '%i %d' "$1")
    find -L /proc/[0-9]*/fd -maxdepth 1 -inum "$1" -printf '%D %h\n' 2>/dev/null | sed -n "s|^$2 /proc/\([0-9]*\)/fd\$|\1|p" | sort -u
}
"""
# Prints what is there, a line each.
_LOOK = r"""
path=$1 folder=${1%/*}
[ -e "$folder" ] || { [ -x "${folder%/*}" ] || echo closed; exit 0; }
{ [ -x "$folder" ] && [ -r "$folder" ]; } || { echo closed; exit 0; }
[ -w "$folder" ] && echo writable
printf 'disk\t%s\t%s\n' "$(stat -f -c %T "$folder")" "$(df -P -k "$folder" | awk 'END { print $4 }')"
for part in "$path" "$path"-wal "$path"-shm "$path"-journal; do
    [ ! -e "$part" ] || printf 'part\t%s\t%s\n' "$part" "$(stat -L --printf '%F\t%s\t%i\t%Y\t%a %u:%g' "$part")"
done
for manifest in "$folder"/*/*.manifest; do [ ! -e "$manifest" ] || printf 'aof\t%s\n' "${manifest#"$folder"/}"; done
for old in "$folder"/*.aof; do [ ! -e "$old" ] || printf 'aof\t%s\n' "${old#"$folder"/}"; done
for kept in "$path"__*; do
    [ ! -d "$kept" ] || printf 'kept\t%s\t%s\n' "$kept" "$(du -sb "$kept" 2>/dev/null | cut -f 1)"
done
[ -e "$path" ] || exit 0
openers "$path" | while read -r pid; do
    printf 'open\t%s\t%s\t%s\n' "$pid" "$(cat "/proc/$pid/comm" 2>/dev/null)" \
        "$(grep -oE '[0-9a-f]{64}' "/proc/$pid/cgroup" 2>/dev/null | tail -n 1)"
done || :
"""


@dataclass(frozen=True)
class Part:
    """A file of those that make up a data file: itself, or what SQLite has beside it. `changed` is in seconds since 1970, `rights` are its
    mode, owner and group."""

    path: str
    kind: str
    size: int
    inode: int
    changed: int
    rights: str


@dataclass(frozen=True)
class Opener:
    """A process that has the file open, and the id of the container that it is in, "" for none."""

    pid: int
    command: str
    container: str


@dataclass(frozen=True)
class Place:
    """A data file on the host. `closed` is whether the login user may not look into its folder. `append_only` is the folder, or the file,
    in which a Redis has its log of changes, beside the file; "" for none. `log` is what the files of that log are called. `kept` are the
    folders that runs of this procedure left beside it, with their sizes in bytes. `free` is in bytes."""

    path: str
    closed: bool = False
    writable: bool = False
    system: str = ""
    free: int = 0
    parts: tuple[Part, ...] = ()
    append_only: str = ""
    log: str = ""
    kept: tuple[tuple[str, int], ...] = ()
    openers: tuple[Opener, ...] = ()

    @property
    def file(self) -> Part | None:
        """The file itself; None if it is not there."""
        return next((part for part in self.parts if part.path == self.path), None)

    @property
    def size(self) -> int:
        """The bytes of all its parts."""
        return sum(part.size for part in self.parts)

    @property
    def network(self) -> bool:
        """Whether it is on another machine."""
        return any(self.system.startswith(name) for name in NETWORK)


def place(path: str) -> Fact[Place]:
    """The data file at this path of the host."""

    def read(out: str) -> Place:
        rows = [line.split("\t") for line in out.splitlines()]

        def of(word: str) -> list[list[str]]:
            return [row[1:] for row in rows if row[0] == word]

        system, free = (of("disk") or [["", "0"]])[0]
        logs = sorted(row[0] for row in of("aof"))
        folder, log = _log(next((one for one in logs if "/" in one), logs[0] if logs else ""))
        return Place(
            path, ["closed"] in rows, ["writable"] in rows, system, int(free) * 1024,
            tuple(Part(name, kind, int(size), int(inode), int(changed), rights) for name, kind, size, inode, changed, rights in of("part")),
            folder, log,
            tuple((name, int(size or 0)) for name, size in of("kept") if re.search(r"__[a-z]+_[0-9a-f]{6}$", name)),
            tuple(Opener(int(pid), command, container) for pid, command, container in of("open")),
        )  # fmt: skip

    return Fact((Command.of("sh", "-uc", OPENERS + _LOOK, "sh", path),), read, missing=f"{path} could not be looked at")


def _log(found: str) -> tuple[str, str]:
    """The folder, or file, of a log of changes, and what its files are called."""
    folder, slash, name = found.rpartition("/")
    return (folder, name.removesuffix(".manifest")) if slash else (name, name)


_PUT = r"""
path=$1 kept=$2 undone=$3 restore=$4 note=$5
[ ! -d "$kept" ] || echo kept
[ ! -d "$undone" ] || echo undone
[ ! -d "$restore" ] || echo restore
[ ! -d "$kept.part" ] && [ ! -d "$undone.part" ] || echo half
[ ! -e "$path" ] || stat -L -c 'inode %i' "$path"
[ ! -e "$note" ] || printf 'brought %s\n' "$(cat "$note")"
"""


@dataclass(frozen=True)
class Put:
    """Which of the folders of an incident are beside a data file: of what was there before (`kept`), of what an undo took away (`undone`),
    of what is to be put in place (`restore`). `half`: an exchange was cut off. `inode` is the number of the file, 0 for none, `brought`
    that of the file that was brought, 0 if that is not known."""

    kept: bool
    undone: bool
    restore: bool
    half: bool
    inode: int
    brought: int


def put(path: str, kept: str, undone: str, restore: str, note: str) -> Fact[Put]:
    """How far an incident came with a data file. `note` is the file in which it noted the number of the file that it brought."""

    def read(out: str) -> Put:
        words = out.split()
        inode, brought = (int(words[words.index(word) + 1]) if word in words else 0 for word in ("inode", "brought"))
        kept, undone, restore, half = (word in words for word in ("kept", "undone", "restore", "half"))
        return Put(kept, undone, restore, half, inode, brought)

    return Fact((Command.of("sh", "-euc", _PUT, "sh", path, kept, undone, restore, note),), read, missing=f"{path} could not be looked at")
