"""A new env file, put together from pieces of old ones. `content` makes its bytes here; `commands` make the same bytes on the host,
so that secrets need not be sent there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rollback_lib.commands import env_file
from rollback_lib.commands.command import Command

# Command substitution removes all newlines at the end. The x keeps them; then one newline is removed explicitly.
_QUOTE = (
    r"""end=$(printf '\nx'); end=${end%x}; value=$(cat "$2"; printf x); value=${value%x}; value=${value%"$end"}; """
    r"""case $value in *\'*|*\\) value=$(printf %sx "$value" | sed 's/[\\"$]/\\&/g'); printf '%s="%s"\n' "$1" "${value%x}";; """
    r"""*) printf "%s='%s'\n" "$1" "$value";; esac"""
)


@dataclass(frozen=True)
class Lines:
    """The lines `first` to `last`, counted from 1, of the file at `source`."""

    source: str
    first: int
    last: int


@dataclass(frozen=True)
class Text:
    """A text that holds no secret."""

    text: str


@dataclass(frozen=True)
class Value:
    """An assignment to `key`. Its value is the content of the file at `source`, without the newline at the end."""

    key: str
    source: str


Piece = Lines | Text | Value


def content(pieces: Sequence[Piece], files: Mapping[str, bytes]) -> bytes:
    """The bytes that the pieces make. `files` holds the content of their source files, by path."""
    made = b""
    for piece in pieces:
        if isinstance(piece, Lines):
            made += b"".join(env_file.lines(files[piece.source])[piece.first - 1 : piece.last])
        elif isinstance(piece, Text):
            made += piece.text.encode()
        else:
            made += piece.key.encode() + b"=" + env_file.quoted(files[piece.source].removesuffix(b"\n")) + b"\n"
    return made


def commands(pieces: Sequence[Piece], into: str) -> list[Command]:
    """The commands that append the pieces to the file `into`."""
    return [_command(piece).to(into, append=True) for piece in pieces]


def _command(piece: Piece) -> Command:
    if isinstance(piece, Lines):
        return Command.of("sed", "-n", f"{piece.first},{piece.last}p", piece.source)
    if isinstance(piece, Text):
        return Command.of("printf", "%s", piece.text)
    return Command.of("sh", "-euc", _QUOTE, "sh", piece.key, piece.source)


def changed(source: str, old: bytes, changes: Mapping[str, Sequence[Piece]]) -> list[Piece]:
    """The pieces of a changed file. `old` is the content of the file at `source`; `changes` gives new pieces for keys.

    The new pieces replace the last assignment to their key. With no pieces, all assignments to the key are removed. A key that the
    file does not have is added at the end. Raises Refused if the file cannot be understood.
    """
    found = env_file.assignments(old)
    last = {assignment.key: assignment for assignment in found}
    pieces: list[Piece] = []
    at = 1
    for assignment in found:
        if assignment.key not in changes or (changes[assignment.key] and assignment is not last[assignment.key]):
            continue
        if assignment.first > at:
            pieces.append(Lines(source, at, assignment.first - 1))
        pieces += changes[assignment.key]
        at = assignment.last + 1
    end = len(env_file.lines(old))
    if at <= end:
        pieces.append(Lines(source, at, end))
    added = [piece for key, new in changes.items() if key not in last for piece in new]
    if added and old and not old.endswith(b"\n"):
        pieces.append(Text("\n"))
    return pieces + added
