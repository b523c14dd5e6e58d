"""What the beginning of a backup says of it."""

import re
from dataclasses import dataclass

from rollback_lib.facts.backups.backup import ARCHIVES

POSTGRES, MARIADB, MYSQL = "Postgres", "MariaDB", "MySQL"  # of which server a dump is
_COMPLETE = {POSTGRES: b"PostgreSQL database dump complete", MARIADB: b"\n-- Dump completed", MYSQL: b"\n-- Dump completed"}
BYTES = 4096  # how much of a backup, unpacked, has all of its header


# `-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, …`, and of later ones `-- MariaDB dump 10.20-11.8.9-MariaDB, …`
_MYSQLDUMP = re.compile(r"^-- (?:MariaDB|MySQL) dump (?:\S+\s+Distrib ([0-9.]+)|[0-9.]+-([0-9.]+)).*$", re.MULTILINE)


@dataclass(frozen=True)
class Header:
    """The versions of the server and of the program that dumped it, and the database, as far as it says; why it cannot be used, "" if it
    can; and of which kind the server is."""

    version: str = ""
    by: str = ""
    database: str = ""
    wrong: str = ""
    of: str = POSTGRES

    def ends(self, tail: bytes) -> bool:
        """Whether the last bytes of a dump, unpacked, are those of one that is whole."""
        return _COMPLETE[self.of] in tail


def read(kind: str, start: bytes) -> Header:
    """Read the first bytes, unpacked, of a backup of this format."""
    if kind in ARCHIVES:
        return _archive(start) or Header(wrong="it is not an archive of pg_dump")
    if start.startswith(b"PGDMP"):
        return Header(wrong="it is an archive that was compressed once more; unpack it")
    if b"PostgreSQL database cluster dump" in start:
        return Header(wrong="it is a dump of a whole server, not of one database")
    text = start.decode(errors="replace")
    if other := _MYSQLDUMP.search(text):
        return _mysqldump(text, other)
    server = re.search(r"^-- Dumped from database version (\S+)", text, re.MULTILINE)
    client = re.search(r"^-- Dumped by pg_dump version (\S+)", text, re.MULTILINE)
    if server is None:
        return Header(wrong="it is not a dump of pg_dump")
    return Header(server[1], client[1] if client else "")


def _mysqldump(text: str, first: re.Match[str]) -> Header:
    """Read the head of a dump of mariadb-dump or mysqldump."""
    server = re.search(r"^-- Server version\s+([0-9.]+)(\S*)", text, re.MULTILINE)
    database = re.search(r"^-- Host: .*?\s+Database: (\S*)", text, re.MULTILINE)
    if server is None:
        return Header(wrong="its head does not say of which server it is")
    of = MARIADB if "MariaDB" in server[2] else MYSQL
    return Header(server[1], first[1] or first[2], database[1] if database else "", of=of)


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
