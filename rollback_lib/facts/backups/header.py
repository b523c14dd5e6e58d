"""What the beginning of a backup says of it."""

import re
from dataclasses import dataclass

from rollback_lib.facts.backups.backup import ARCHIVES

COMPLETE = b"PostgreSQL database dump complete"  # the last line of a dump that is whole
BYTES = 4096  # how much of a backup, unpacked, has all of its header


@dataclass(frozen=True)
class Header:
    """The versions of the server and of pg_dump, and the database, as far as it says; and why it cannot be used, "" if it can."""

    version: str = ""
    by: str = ""
    database: str = ""
    wrong: str = ""


def read(kind: str, start: bytes) -> Header:
    """Read the first bytes, unpacked, of a backup of this format."""
    if kind in ARCHIVES:
        return _archive(start) or Header(wrong="it is not an archive of pg_dump")
    if start.startswith(b"PGDMP"):
        return Header(wrong="it is an archive that was compressed once more; unpack it")
    if b"PostgreSQL database cluster dump" in start:
        return Header(wrong="it is a dump of a whole server, not of one database")
    text = start.decode(errors="replace")
    server = re.search(r"^-- Dumped from database version (\S+)", text, re.MULTILINE)
    client = re.search(r"^-- Dumped by pg_dump version (\S+)", text, re.MULTILINE)
    if server is None:
        return Header(wrong="it is not a dump of pg_dump")
    return Header(server[1], client[1] if client else "")


def _archive(head: bytes) -> Header | None:
    """Read the header of an archive, as WriteHead in src/bin/pg_dump/pg_backup_archiver.c writes it: magic, version, sizes of numbers
    and offsets, format, compression, date; then database, server version and pg_dump version, each text after its length."""
    if not head.startswith(b"PGDMP") or len(head) < 60:
        return None
    minor, width = head[6], head[8]
    at = 11  # magic 5, version 3, sizes 2, format 1
    at += 1 if (head[5], minor) >= (1, 15) else 1 + width  # compression: one byte since 1.15, a number before
    at += 7 * (1 + width)  # the date

    def text() -> str:
        nonlocal at
        length = int.from_bytes(head[at + 1 : at + 1 + width], "little")
        at += 1 + width + length
        return head[at - length : at].decode(errors="replace")

    try:
        database, server, client = text(), text(), text()
    except IndexError:
        return None
    return Header(server.split(" ")[0], client.split(" ")[0], database) if server else None
