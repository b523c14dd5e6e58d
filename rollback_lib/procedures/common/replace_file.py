"""A file of the host replaced as a whole or not at all, its mode, owner and group kept, the old one kept for undo."""

import posixpath
from collections.abc import Iterable, Mapping, Sequence

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.files import File
from rollback_lib.procedures.common import env_edit, snapshots
from rollback_lib.stack.model import Stack

KEPT = "file"  # the name under which an incident keeps the file that it replaces
PUT = "put"  # and that of the note which file it put there


def unchanged(*files: File) -> tuple[Command, ...]:
    """Fails for a file that somebody has written to since it was read."""
    same = '[ "$(stat -c "%i %s %.9Y %.9Z" "$1")" = "$2" ] || { echo "$1 has changed since it was read; make a new plan" >&2; exit 1; }'
    return tuple(Command.of("sh", "-euc", same, "sh", file.real, file.identity) for file in files)


def guard(stack: Stack, incident: str, file: File | None, path: str) -> tuple[Command, ...]:
    """The last look before a file is replaced: it fails where the file is neither as it was kept nor the one that this incident
    put there, in a step that was cut off."""
    look = (
        'put() { [ "$(stat -c "%i %s %.9Y" "$1")" = "$(cat "$2" 2>/dev/null)" ]; }; '
        'if [ -e "$1" ]; then cmp -s "$1" "$2" || put "$1" "$3"; else [ ! -e "$2" ]; fi || '
        '{ echo "$1 has changed since it was read; make a new plan" >&2; exit 1; }'
    )
    kept = (snapshots.before(stack, incident, name) for name in (KEPT, PUT))
    return (Command.of("sh", "-euc", look, "sh", file.real if file else path, *kept),)


def keep(stack: Stack, incident: str, file: File | None) -> tuple[Command, ...]:
    """Keeps the file as it is, refusing one that changed since it was read."""
    if file is None:
        return ()
    return (*unchanged(file), Command.of("cp", "-p", file.real, snapshots.before(stack, incident, KEPT)))


def put(stack: Stack, incident: str, file: File | None, path: str, pieces: Sequence[env_edit.Piece]) -> tuple[Command, ...]:
    """Makes a file of `pieces` beside the one at `path` and moves it there in one go, noting which it is. A file that was not
    there yet is made private."""
    real = file.real if file else path
    part = _part(real, incident)
    old, new = Command.of("cp", "-p", snapshots.before(stack, incident, KEPT), part), Command.of("install", "-m", "600", "/dev/null", part)
    empty = Command.of("truncate", "-s", "0", part)
    which = Command.of("stat", "-c", "%i %s %.9Y", part).to(snapshots.before(stack, incident, PUT))
    making = (
        old if file else new,
        empty,
        *env_edit.commands(pieces, part),
        Command.of("sync", part),
        which,
        Command.of("mv", "-f", part, real),
    )
    return tuple(one.or_else(Command.of("rm", "-f", part)) for one in making)


def put_back(stack: Stack, incident: str, file: File | None, path: str) -> tuple[Command, ...]:
    """Puts the kept file back, and removes one that was not there before; what is there then is kept beside it."""
    real = file.real if file else path
    kept = snapshots.before(stack, incident, KEPT)
    aside = '[ ! -e "$1" ] || cmp -s "$1" "$3" || cp -p "$1" "$2"'
    beside = Command.of("sh", "-euc", aside, "sh", real, snapshots.before(stack, incident, snapshots.ASIDE[0] + KEPT), kept)
    if file is None:
        return (beside, Command.of("rm", "-f", path))
    part = _part(file.real, incident)
    back = (Command.of("cp", "-p", kept, part), Command.of("sync", part), Command.of("mv", "-f", part, file.real))
    return (beside, *(one.or_else(Command.of("rm", "-f", part)) for one in back))


def clean_up(incident: str, file: File | None, path: str) -> Command:
    """Removes what a `put` that was killed leaves beside the file."""
    return Command.of("rm", "-f", _part(file.real if file else path, incident))


def as_kept(stack: Stack, incident: str, path: str) -> Fact[bool]:
    """Whether the file at `path` is as it was kept: content, mode, owner and group; or is absent, where none was kept."""
    same = (
        'if [ -e "$2" ]; then cmp -s "$1" "$2" && [ "$(stat -Lc "%a %u:%g" "$1")" = "$(stat -c "%a %u:%g" "$2")" ]; else [ ! -e "$1" ]; fi'
    )
    compare = Command.of("sh", "-c", same, "sh", path, snapshots.before(stack, incident, KEPT))
    return Fact((compare,), lambda _: True, otherwise=lambda _: False)


def _part(path: str, incident: str) -> str:
    folder, name = posixpath.split(path)
    return posixpath.join(folder, f"{name}.{incident}.part")


def received(stack: Stack, incident: str, key: str) -> str:
    """The path under which a value that was sent waits to be used."""
    return snapshots.before(stack, incident, f"value.{key}")


def receive(stack: Stack, incident: str, sizes: Mapping[str, int]) -> tuple[Command, ...]:
    """Takes values of so many bytes, one after the other, from standard input, each into a private file."""
    # Byte by byte, because a reader that takes more would leave nothing for the next.
    take = 'umask 077; dd bs=1 count="$2" of="$1" 2>/dev/null; [ "$(wc -c <"$1")" -eq "$2" ]'
    return tuple(Command.of("sh", "-euc", take, "sh", received(stack, incident, key), str(size)) for key, size in sizes.items())


def forget(stack: Stack, incident: str, keys: Iterable[str]) -> tuple[Command, ...]:
    """Removes values that were sent."""
    return tuple(Command.of("rm", "-f", received(stack, incident, key)) for key in keys)
