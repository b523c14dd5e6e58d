"""Finds the lines of an env file in which each variable is assigned, so that one variable can be changed and every other byte kept.

Only compose decides what a file means. Here it is split into assignments by the rules of compose's own reader (compose-go,
dotenv/parser.go): `KEY=value`, `KEY: value` or `KEY`, with or without `export` before it. A value that begins with a quote continues,
over several lines, to the next quote of that kind that is not escaped by a backslash. (So in compose 2.26. The first versions of 2.x
did not count backslashes: they also took two backslashes and a quote for an escaped quote.)
"""

import re
from dataclasses import dataclass
from itertools import accumulate

from rollback_lib.errors import Refused

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_QUOTED = re.compile(rb"""(['"])(?:\\.|(?!\1)[^\\])*\1([^\n]*)""", re.DOTALL)  # the quote, and the rest of the line after the closing quote
_ASSIGNMENT = re.compile(rb"[ \t]*(?:export[ \t]+)?([^\s=:#'\"]+)[ \t]*(?:([=:])[ \t]*(.*))?\Z", re.DOTALL)


@dataclass(frozen=True)
class Assignment:
    """The variable `key` is assigned in the lines `first` to `last`, counted from 1."""

    key: str
    first: int
    last: int


def lines(content: bytes) -> list[bytes]:
    """The lines of a file, each with its newline. Lines are counted as sed counts them."""
    return re.findall(rb"[^\n]*\n|[^\n]+", content)


def assignments(content: bytes) -> list[Assignment]:
    """The assignments of an env file in order. Raises Refused, with the number of the line, if a line cannot be understood."""
    found = []
    rows = lines(content)
    starts = [0, *accumulate(map(len, rows))]
    number = 0
    while number < len(rows):
        first = number
        row = rows[number].rstrip(b"\r\n")
        number += 1
        if not row.strip() or row.lstrip().startswith(b"#"):
            continue
        matched = _ASSIGNMENT.match(row)
        if matched is None:
            raise Refused(f"line {first + 1} of the env file is neither an assignment nor a comment; fix it on the host")
        key, value = matched[1], matched[3] or b""
        if value[:1] in (b"'", b'"'):
            number = _closing(content, starts[first] + matched.start(3), first) + 1
        found.append(Assignment(key.decode(errors="replace"), first + 1, number))
    return found


def _closing(content: bytes, opens: int, row: int) -> int:
    """The row in which a quote is closed, counted from 0. The quote opens at byte `opens` of the content, in row `row`."""
    value = _QUOTED.match(content, opens)
    if value is None:
        raise Refused(f"line {row + 1} of the env file opens a quote that is never closed; fix it on the host")
    last = row + value[0].count(b"\n")
    if value[2].strip() and not value[2].lstrip().startswith(b"#"):
        raise Refused(f"line {last + 1} of the env file continues after its closing quote; fix it on the host")
    return last


def quoted(value: bytes) -> bytes:
    """The value, quoted so that compose reads exactly this value."""
    if b"'" not in value and not value.endswith(b"\\"):
        return b"'" + value + b"'"
    return b'"' + re.sub(rb'([\\"$])', rb"\\\1", value) + b'"'
