"""A file of the host replaced as a whole or not at all, its mode, owner and group kept, the old one kept for undo."""

import posixpath
from collections.abc import Iterable, Mapping, Sequence

from rollback_lib.command import Command
from rollback_lib.facts.files import File
from rollback_lib.procedures import edit, keeping
from rollback_lib.stack import Stack

KEPT = "file"  # the name under which an incident keeps the file that it replaces


def keep(stack: Stack, incident: str, file: File | None) -> tuple[Command, ...]:
    """Keeps the file as it is, refusing one that changed since it was read (its inode and time of change tell)."""
    if file is None:
        return ()
    known = f"{file.inode} {file.changed.timestamp():.0f} {file.size}"
    same = '[ "$(stat -c "%i %Y %s" "$1")" = "$2" ] || { echo "$1 has changed since it was read; run again" >&2; exit 1; }'
    return (
        Command.of("sh", "-euc", same, "sh", file.real, known),
        Command.of("cp", "-p", file.real, keeping.before(stack, incident, KEPT)),
    )


def put(stack: Stack, incident: str, file: File | None, path: str, pieces: Sequence[edit.Piece]) -> tuple[Command, ...]:
    """Makes a file of `pieces` beside the one at `path` and moves it there in one go. A file that was not there yet is
    made private."""
    real = file.real if file else path
    part = _part(real, incident)
    old, new = Command.of("cp", "-p", keeping.before(stack, incident, KEPT), part), Command.of("install", "-m", "600", "/dev/null", part)
    empty = Command.of("truncate", "-s", "0", part)
    return (old if file else new, empty, *edit.commands(pieces, part), Command.of("sync", part), Command.of("mv", "-f", part, real))


def put_back(stack: Stack, incident: str, file: File | None, path: str) -> tuple[Command, ...]:
    """Puts the kept file back; removes one that was not there before."""
    if file is None:
        return (Command.of("rm", "-f", path),)
    part = _part(file.real, incident)
    return (Command.of("cp", "-p", keeping.before(stack, incident, KEPT), part), Command.of("mv", "-f", part, file.real))


def _part(path: str, incident: str) -> str:
    folder, name = posixpath.split(path)
    return posixpath.join(folder, f"{name}.{incident}.part")


def received(stack: Stack, incident: str, key: str) -> str:
    """The path under which a value that was sent waits to be used."""
    return keeping.before(stack, incident, f"value.{key}")


def receive(stack: Stack, incident: str, sizes: Mapping[str, int]) -> tuple[Command, ...]:
    """Takes values of so many bytes, one after the other, from standard input, each into a private file."""
    # Byte by byte, because a reader that takes more would leave nothing for the next.
    take = 'umask 077; dd bs=1 count="$2" of="$1" 2>/dev/null; [ "$(wc -c <"$1")" -eq "$2" ]'
    return tuple(Command.of("sh", "-euc", take, "sh", received(stack, incident, key), str(size)) for key, size in sizes.items())


def forget(stack: Stack, incident: str, keys: Iterable[str]) -> tuple[Command, ...]:
    """Removes values that were sent."""
    return tuple(Command.of("rm", "-f", received(stack, incident, key)) for key in keys)
