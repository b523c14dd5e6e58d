"""The lines of a stack file, as data, and as YAML in which each says where its value was found."""

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Union

import yaml

_WIDTH = 120  # of a line and its comment, without what they are indented by
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./@+*?-]*")
Value = Union[str, bool, tuple[str, ...], "Section", "Sections"]


@dataclass(frozen=True)
class Entry:
    """A key with its value, and where that was found; or, as a `guess`, why it may be so."""

    key: str
    value: Value
    where: str = ""
    guess: str = ""


@dataclass(frozen=True)
class Missing:
    """What is to be written by hand: why it was not found, and the lines to write, as they would be."""

    why: str
    example: str


@dataclass(frozen=True)
class Note:
    """What is worth to be known of the lines that follow."""

    words: str


Line = Entry | Missing | Note


@dataclass(frozen=True)
class Section:
    """Lines below a key."""

    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Sections:
    """A list of sections below a key."""

    all: tuple[Section, ...]


def plain(lines: Sequence[Line]) -> dict[str, Any]:
    """What the lines mean, as YAML is loaded: without comments, and without sections that have no key."""
    return {one.key: _plain(one.value) for one in lines if isinstance(one, Entry) and _says(one.value)}


def text(lines: Sequence[Line], clean: Callable[[str], str] = str) -> str:
    """The lines as YAML; comments as `clean` leaves them."""
    return "".join(line + "\n" for line in _lines(lines, clean))


def scalar(value: str | bool) -> str:
    """A value, as YAML reads it back: plain where that is safe, else between quotes, escaped to ASCII."""
    if isinstance(value, bool):
        return str(value).lower()
    if _PLAIN.fullmatch(value) and yaml.safe_load(value) == value:
        return value
    return str(yaml.safe_dump(value, default_style='"', width=float("inf"), allow_unicode=False)).strip()


def _plain(value: Value) -> Any:
    if isinstance(value, Section):
        return plain(value.lines)
    if isinstance(value, Sections):
        return [plain(one.lines) for one in value.all if _says(one)]
    return list(value) if isinstance(value, tuple) else value


def _says(value: Value) -> bool:
    """Whether there is anything but comments in it."""
    if isinstance(value, Section):
        return bool(plain(value.lines))
    return not isinstance(value, Sections) or any(_says(one) for one in value.all)


def _lines(lines: Sequence[Line], clean: Callable[[str], str]) -> Iterator[str]:
    for one in lines:
        if isinstance(one, Entry):
            yield from _entry(one, clean)
        elif isinstance(one, Note):
            yield from _wrapped(_comment(one.words, clean))
        else:
            yield from _wrapped(f"not found: {_comment(one.why, clean)}")
            yield from (f"# {_printable(clean(line))}" for line in one.example.splitlines())


def _entry(entry: Entry, clean: Callable[[str], str]) -> Iterator[str]:
    key = scalar(entry.key)
    if isinstance(entry.value, Section | Sections):
        below = list(_below(entry.value, clean))
        head = _with_comment(f"{key}:", entry, clean)
        if _says(entry.value):
            yield from (*head, *below)
        else:  # all of it are comments
            yield from (f"# {key}:", *(f"#   {line.strip().removeprefix('# ')}" for line in below))
    else:
        value = entry.value
        shown = f"[{', '.join(map(scalar, value))}]" if isinstance(value, tuple) else scalar(value)
        yield from _with_comment(f"{key}: {shown}", entry, clean)


def _below(value: "Section | Sections", clean: Callable[[str], str]) -> Iterator[str]:
    if isinstance(value, Section):
        yield from (f"  {line}" for line in _lines(value.lines, clean))
        return
    for one in value.all:
        begun = False
        for line in _lines(one.lines, clean):
            first = not begun and not line.startswith("#")
            begun = begun or first
            yield f"  - {line}" if first else f"    {line}"


def _with_comment(line: str, entry: Entry, clean: Callable[[str], str]) -> Iterator[str]:
    words = _comment(f"guess: {entry.guess}" if entry.guess else entry.where, clean)
    if not words:
        yield line
    elif len(line) + len(words) <= _WIDTH:
        yield f"{line}  # {words}"
    else:
        yield from (*_wrapped(words), line)


def _wrapped(words: str) -> list[str]:
    return textwrap.wrap(words, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False, break_on_hyphens=False)


def _comment(words: str, clean: Callable[[str], str]) -> str:
    """On one line, whatever the host calls its things."""
    return _printable(" ".join(clean(words).split()))


def _printable(words: str) -> str:
    return "".join(one if one.isprintable() else "�" for one in words)
