"""Where in an env file each variable is assigned, so that one can be changed and every other byte stays.

What a file means is for compose to say; here it is only cut into lines, by the rules of compose's own reader
(compose-go, dotenv/parser.go): `KEY=value`, `KEY: value` or `KEY`, after `export` if need be; a value that begins with a
quote continues, over lines, to the next such quote that no backslash escapes (compose 2.26; the first of 2.x did not count backslashes,
and took one that is escaped itself for an escape).
"""

import re
from dataclasses import dataclass
from itertools import accumulate

from rollback_lib.errors import Refused

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_QUOTED = re.compile(rb"""(['"])(?:\\.|(?!\1)[^\\])*\1([^\n]*)""", re.DOTALL)  # the quote, and what is behind its end
_ASSIGNMENT = re.compile(rb"[ \t]*(?:export[ \t]+)?([^\s=:#'\"]+)[ \t]*(?:([=:])[ \t]*(.*))?\Z", re.DOTALL)


@dataclass(frozen=True)
class Assignment:
    """`key` is assigned in the lines `first` to `last`, counted from 1."""

    key: str
    first: int
    last: int


def lines(content: bytes) -> list[bytes]:
    """The lines of a file with their ends, as sed counts them."""
    return re.findall(rb"[^\n]*\n|[^\n]+", content)


def assignments(content: bytes) -> list[Assignment]:
    """The assignments of an env file in their order. Raises Refused naming the line that cannot be understood."""
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
    """The row, counted from 0, in which the quote that opens at byte `opens`, in `row`, is closed."""
    value = _QUOTED.match(content, opens)
    if value is None:
        raise Refused(f"line {row + 1} of the env file opens a quote that is never closed; fix it on the host")
    last = row + value[0].count(b"\n")
    if value[2].strip() and not value[2].lstrip().startswith(b"#"):
        raise Refused(f"line {last + 1} of the env file continues after its closing quote; fix it on the host")
    return last


def quoted(value: bytes) -> bytes:
    """A value as compose reads it back verbatim."""
    if b"'" not in value and not value.endswith(b"\\"):
        return b"'" + value + b"'"
    return b'"' + re.sub(rb'([\\"$])', rb"\\\1", value) + b'"'
