"""The backups that other places than the host's files have: which there are, and how each begins."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from rollback_lib.commands.command import Command
from rollback_lib.facts.backups import header
from rollback_lib.facts.backups.backup import CUSTOM, GZIP, PLAIN, ZSTD, Backup
from rollback_lib.facts.fact import Fact
from rollback_lib.secrets.redactor import clean
from rollback_lib.stack.sources import Source
from rollback_lib.stack.sources.source import LISTING

OPENING = 120.0  # seconds for the first bytes of a backup
_RAW = 65536  # how many bytes of a backup, as stored, are looked at
_MAGIC = ((b"\x1f\x8b", GZIP), (b"\x28\xb5\x2f\xfd", ZSTD), (b"PGDMP", CUSTOM))
_USER = re.compile(r"(?<=://)[^/@\s]*@")  # a user and a password in an address


@dataclass(frozen=True)
class Away:
    """A place that gave no list, and why."""

    place: str
    why: str


# Prints the beginning of a backup in base64, as it is stored and unpacked. It ends long before all of the backup was sent.
_OPEN = r"""
bytes=$1 most=$2; shift 2
stored=$("$@" | head -c "$bytes" | base64 -w0)
[ -n "$stored" ] || exit 1
bytes() { printf '%s' "$stored" | base64 -d; }
case $(bytes | head -c 4 | od -An -tx1 | tr -d ' \n') in
    1f8b*) unpack() { gzip -dc; } ;; 28b52ffd) unpack() { zstd -dcq; } ;; *) unpack() { cat; } ;;
esac
printf '%s\t' "$(printf '%s' "$stored" | head -c 12)"
bytes | unpack 2>/dev/null | head -c "$most" | base64 -w0
"""


def listing(source: Source) -> Fact[list[Backup] | Away]:
    """The backups of a place, newest first; Away if it does not list them."""

    def read(out: str) -> list[Backup] | Away:
        try:
            copies = source.read(out)
        except (ValueError, LookupError, TypeError, SyntaxError) as error:
            return Away(source.words, f"it gave a list that cannot be understood ({type(error).__name__})")
        found = [Backup(one.name, one.size or 0, one.when, None, "", "", "", None, "", one.id, source) for one in copies]
        return sorted(found, key=lambda one: one.changed, reverse=True)

    def spoken(found: list[Backup] | Away, hide: Callable[[str], str]) -> list[Backup] | Away:
        return replace(found, why=hide(found.why)) if isinstance(found, Away) else found

    away = lambda text: Away(source.words, said(text) or f"it did not answer within {LISTING} s")  # noqa: E731
    return Fact((source.listing(),), read, otherwise=away, deadline=LISTING + 10.0, spoken=spoken)


def opened(backup: Backup) -> Fact[Backup]:
    """The backup, with what its beginning says. The fact is refused if the place does not give it."""
    assert backup.source
    place, argv = backup.source.words, backup.source.stream(backup.identity).argv

    def read(out: str) -> Backup:
        stored, _, start = out.partition("\t")
        first = base64.b64decode(stored)
        kind = next((kind for magic, kind in _MAGIC if first.startswith(magic)), PLAIN)
        known = header.read(kind, base64.b64decode(start))
        return replace(backup, format=kind, version=known.version, by=known.by, database=known.database, wrong=known.wrong,
                       of=known.of)  # fmt: skip

    look = Command.of("sh", "-uc", _OPEN, "sh", str(_RAW), str(header.BYTES), *argv)
    return Fact((look,), read, missing=f"{place} did not give {backup.path}", deadline=OPENING)


def said(text: str) -> str:
    """The last line of an error message, without users and passwords in addresses."""
    lines = [line for line in text.splitlines() if line.strip()]
    return _USER.sub("…@", clean(lines[-1]))[:300] if lines else ""
