"""Replacing a file on the host, completely or not at all. Its mode, owner and group stay, and the old file is kept for the undo."""

import posixpath
from collections.abc import Iterable, Mapping, Sequence

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.files import File
from rollback_lib.procedures.common import env_edit, snapshots
from rollback_lib.stack.model import Stack

KEPT = "file"  # the name under which an incident keeps the file that it replaces
PUT = "put"  # the name under which it notes inode, size and time of the file that it put there


def unchanged(*files: File) -> tuple[Command, ...]:
    """Commands that fail if a file was written to after it was read."""
    same = '[ "$(stat -c "%i %s %.9Y %.9Z" "$1")" = "$2" ] || { echo "$1 has changed since it was read; make a new plan" >&2; exit 1; }'
    return tuple(Command.of("sh", "-euc", same, "sh", file.real, file.identity) for file in files)


def guard(stack: Stack, incident: str, file: File | None, path: str) -> tuple[Command, ...]:
    """The check just before a file is replaced. It fails unless the file is the one that was kept, or the one that this incident put
    there in a step that was interrupted."""
    look = (
        'put() { [ "$(stat -c "%i %s %.9Y" "$1")" = "$(cat "$2" 2>/dev/null)" ]; }; '
        'if [ -e "$1" ]; then cmp -s "$1" "$2" || put "$1" "$3"; else [ ! -e "$2" ]; fi || '
        '{ echo "$1 has changed since it was read; make a new plan" >&2; exit 1; }'
    )
    kept = (snapshots.before(stack, incident, name) for name in (KEPT, PUT))
    return (Command.of("sh", "-euc", look, "sh", file.real if file else path, *kept),)


def keep(stack: Stack, incident: str, file: File | None) -> tuple[Command, ...]:
    """Commands that keep a copy of the file for the undo. They fail if the file was changed after it was read."""
    if file is None:
        return ()
    return (*unchanged(file), Command.of("cp", "-p", file.real, snapshots.before(stack, incident, KEPT)))


def put(stack: Stack, incident: str, file: File | None, path: str, pieces: Sequence[env_edit.Piece]) -> tuple[Command, ...]:
    """Commands that make a file from `pieces` beside the one at `path`, note which file it is, and rename it to `path`. If there was no
    file at `path`, only its owner may read the new one."""
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
    return tuple(command.or_else(Command.of("rm", "-f", part)) for command in making)


def put_back(stack: Stack, incident: str, file: File | None, path: str) -> tuple[Command, ...]:
    """Commands that put the kept file back, or remove the file if there was none before. The file that they replace is kept as well."""
    real = file.real if file else path
    kept = snapshots.before(stack, incident, KEPT)
    aside = '[ ! -e "$1" ] || cmp -s "$1" "$3" || cp -p "$1" "$2"'
    beside = Command.of("sh", "-euc", aside, "sh", real, snapshots.before(stack, incident, snapshots.ASIDE[0] + KEPT), kept)
    if file is None:
        return (beside, Command.of("rm", "-f", path))
    part = _part(file.real, incident)
    back = (Command.of("cp", "-p", kept, part), Command.of("sync", part), Command.of("mv", "-f", part, file.real))
    return (beside, *(command.or_else(Command.of("rm", "-f", part)) for command in back))


def clean_up(incident: str, file: File | None, path: str) -> Command:
    """The command that removes what an interrupted `put` leaves beside the file."""
    return Command.of("rm", "-f", _part(file.real if file else path, incident))


def as_kept(stack: Stack, incident: str, path: str) -> Fact[bool]:
    """Whether the file at `path` equals the kept one in content, mode, owner and group. If none was kept, whether there is no file."""
    same = (
        'if [ -e "$2" ]; then cmp -s "$1" "$2" && [ "$(stat -Lc "%a %u:%g" "$1")" = "$(stat -c "%a %u:%g" "$2")" ]; else [ ! -e "$1" ]; fi'
    )
    compare = Command.of("sh", "-c", same, "sh", path, snapshots.before(stack, incident, KEPT))
    return Fact((compare,), lambda _: True, otherwise=lambda _: False)


def _part(path: str, incident: str) -> str:
    folder, name = posixpath.split(path)
    return posixpath.join(folder, f"{name}.{incident}.part")


def received(stack: Stack, incident: str, key: str) -> str:
    """The path under which a value that was sent is stored until it is used."""
    return snapshots.before(stack, incident, f"value.{key}")


def receive(stack: Stack, incident: str, sizes: Mapping[str, int]) -> tuple[Command, ...]:
    """Commands that read values from standard input, one after the other, each into a private file. `sizes` gives their lengths in
    bytes, by key."""
    # dd reads byte by byte, because a larger block could take bytes of the next value.
    take = 'umask 077; dd bs=1 count="$2" of="$1" 2>/dev/null; [ "$(wc -c <"$1")" -eq "$2" ]'
    return tuple(Command.of("sh", "-euc", take, "sh", received(stack, incident, key), str(size)) for key, size in sizes.items())


def forget(stack: Stack, incident: str, keys: Iterable[str]) -> tuple[Command, ...]:
    """Commands that remove values that were sent."""
    return tuple(Command.of("rm", "-f", received(stack, incident, key)) for key in keys)
