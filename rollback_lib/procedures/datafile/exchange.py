"""Replacing a data file, with all its parts, by renames within a folder. What goes out is kept in a folder beside it."""

from collections.abc import Sequence

from rollback_lib.commands.command import Command
from rollback_lib.facts.datafiles import OPENERS

SUMS = "SHA256SUMS"  # the file, in a folder of what was kept, with the hashes of what is in it
# Two phases, each of which can be done again. First what is there moves to OUT, under another name until that is whole. Then what is in IN
# moves to where that was. A part of a file is moved only together with the others: SQLite would take an old WAL for that of the new file.
_EXCHANGE = r"""
path=$1 in=$2 out=$3 unless=$4; shift 4
if [ -n "$unless" ] && [ -d "$unless" ] && [ ! -d "$in" ] && [ ! -d "$out" ]; then echo "nothing was put in place"; exit 0; fi
folder=${path%/*}
[ -d "$in" ] || [ -d "$out" ] || { echo "there is no $in any more" >&2; exit 1; }
if [ -d "$in" ] && [ ! -d "$out" ]; then
    [ ! -s "$in/SUMS" ] || (cd "$in" && sha256sum --quiet --check SUMS) || { echo "$in is not as it was kept" >&2; exit 1; }
    mkdir -p -m 700 "$out.part"
    for part; do [ ! -e "$folder/$part" ] || mv "$folder/$part" "$out.part/"; done
    (cd "$out.part" && find . -type f ! -name SUMS -exec sha256sum {} + | sort -k 2 >SUMS)
    cat "$out.part/SUMS"
    mv -T "$out.part" "$out"
fi
if [ -d "$in" ]; then
    for part; do [ ! -e "$in/$part" ] || mv -T "$in/$part" "$folder/$part"; done
    rm -f "$in/SUMS"
    rmdir "$in"
fi
sync "$folder"
""".replace("SUMS", SUMS)
# What an exchange left half done is brought back: it had not moved out all that was there.
_BACK = r"""
path=$1 out=$2; shift 2
[ -d "$out.part" ] || exit 0
for part; do [ ! -e "$out.part/$part" ] || mv -T "$out.part/$part" "${path%/*}/$part"; done
rm -f "$out.part/SUMS"; rmdir "$out.part"
""".replace("SUMS", SUMS)
_CLOSED = r"""
path=$1; shift
for one; do
    [ "$(docker inspect --format '{{.State.Running}}' "$one")" = false ] || { echo "$one runs again, and has $path mounted" >&2; exit 1; }
done
[ -e "$path" ] || exit 0
who=$(openers "$path" | tr '\n' ' ')
[ -z "$who" ] || { echo "$path is open in the processes ${who% }; end them first" >&2; exit 1; }
"""


def exchange(path: str, parts: Sequence[str], *, incoming: str, out: str, unless: str = "") -> Command:
    """The command that moves the parts of the file at `path` to the folder `out`, and what is in the folder `incoming` to their place. It
    fails if what comes back is not as it was kept. While there is a folder `unless` and neither of the two, there is nothing to do."""
    return Command.script(_EXCHANGE, path, incoming, out, unless, *parts)


def back(path: str, parts: Sequence[str], out: str) -> Command:
    """The command that brings back what an exchange that was cut off had moved out."""
    return Command.script(_BACK, path, out, *parts)


def closed(path: str, containers: Sequence[str]) -> Command:
    """The command that fails if one of the containers runs, or a process has the file open."""
    return Command.of("sh", "-euc", OPENERS + _CLOSED, "sh", path, *containers)
