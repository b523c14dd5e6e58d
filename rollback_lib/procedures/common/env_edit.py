"""A new env file made of lines of old ones: as bytes here, and as commands that make the same bytes on the host."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rollback_lib.commands import env_file
from rollback_lib.commands.command import Command

# A substitution takes every newline off the end of what it hears; the x keeps them, and one is taken off by hand.
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
    """A text that is no secret."""

    text: str


@dataclass(frozen=True)
class Value:
    """An assignment of `key`; its value is what the file at `source` holds, without a newline at its end."""

    key: str
    source: str


Piece = Lines | Text | Value


def content(pieces: Sequence[Piece], files: Mapping[str, bytes]) -> bytes:
    """The bytes that the pieces make; `files` are the contents of their sources."""
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
    """The commands that write the pieces to the end of the file `into`."""
    return [_command(piece).to(into, append=True) for piece in pieces]


def _command(piece: Piece) -> Command:
    if isinstance(piece, Lines):
        return Command.of("sed", "-n", f"{piece.first},{piece.last}p", piece.source)
    if isinstance(piece, Text):
        return Command.of("printf", "%s", piece.text)
    return Command.of("sh", "-euc", _QUOTE, "sh", piece.key, piece.source)


def changed(source: str, old: bytes, changes: Mapping[str, Sequence[Piece]]) -> list[Piece]:
    """The file at `source` with each key's last assignment replaced by pieces, or taken away with all before it where
    there are none; what was not there is added at the end. Raises Refused where the file cannot be understood."""
    found = env_file.assignments(old)
    last = {one.key: one for one in found}
    pieces: list[Piece] = []
    at = 1
    for one in found:
        if one.key not in changes or (changes[one.key] and one is not last[one.key]):
            continue
        if one.first > at:
            pieces.append(Lines(source, at, one.first - 1))
        pieces += changes[one.key]
        at = one.last + 1
    end = len(env_file.lines(old))
    if at <= end:
        pieces.append(Lines(source, at, end))
    added = [piece for key, new in changes.items() if key not in last for piece in new]
    if added and old and not old.endswith(b"\n"):
        pieces.append(Text("\n"))
    return pieces + added
