"""What lies in the folders of a host where dumps of databases usually are."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact

USUAL = (
    "/backup",
    "/backups",
    "/var/backups",
    "/srv/backup",
    "/srv/backups",
    "/opt/backup",
    "/opt/backups",
    "/root/backup",
    "/root/backups",
)
_MOST = 500  # names, the newest ones
_DUMP = re.compile(r"\.(sql|dump|pgdump|dmp|pgsql|backup|custom|tar)(\.(gz|zst))?$|\.sql\.\w+$")


@dataclass(frozen=True)
class Dumps:
    """The paths of what look like dumps, newest first, and the folders that we may not read."""

    paths: tuple[str, ...]
    closed: tuple[str, ...]


# A line for each: the time of change, a kind, and the path; of a dump that is a directory, the directory.
_LOOK = r"""
most=$1; shift
for folder in "$@" /home/*/backup /home/*/backups; do
    [ -d "$folder" ] || continue
    if [ -r "$folder" ] && [ -x "$folder" ]; then
        find "$folder/" -maxdepth 2 -type f ! -name '.*' \( -name toc.dat -printf '%T@ folder %h\n' -o -size +0 -printf '%T@ file %p\n' \)
    else printf '0 closed %s\n' "$folder"; fi 2>/dev/null
done | sort -rn | head -n "$most"
"""


def dumps(folders: Iterable[str]) -> Fact[Dumps]:
    """Those in these folders and one level below, and where such files usually are."""

    def read(out: str) -> Dumps:
        rows = [line.split(" ", 2)[1:] for line in out.splitlines()]
        directories = [path for kind, path in rows if kind == "folder"]
        known = [path.replace("//", "/") for kind, path in rows if kind == "folder" or (kind == "file" and _DUMP.search(path))]
        inside = tuple(f"{one.replace('//', '/')}/" for one in directories)
        return Dumps(
            tuple(dict.fromkeys(path for path in known if not path.startswith(inside))),
            tuple(path for kind, path in rows if kind == "closed"),
        )

    look = Command.of("sh", "-c", _LOOK, "sh", str(_MOST), *dict.fromkeys((*folders, *USUAL)))
    return Fact((look,), read, otherwise=lambda _: Dumps((), ()))
