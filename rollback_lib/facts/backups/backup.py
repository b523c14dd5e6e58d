"""A backup of a database, and what is in it."""

import re
from dataclasses import dataclass, field
from datetime import datetime

from rollback_lib.facts.tables import Kind
from rollback_lib.stack.sources import Source

PLAIN, GZIP, ZSTD, CUSTOM, DIRECTORY = "plain", "gzip", "zstd", "custom", "directory"
ARCHIVES = (CUSTOM, DIRECTORY)
_FORMATS = (17, 16)  # major versions of pg_dump whose archives no older pg_restore can read


@dataclass(frozen=True)
class Backup:
    """A backup: a file on the host, the folder of a directory-format dump, or what another `source` has.

    `path` names it, as a target does. `size` is in bytes. `format` is None if it cannot be restored, or is not known yet. `whole` is
    whether it is complete; None if it has to be read in full to know that. `wrong` says why it cannot be used, "" if it can. `version` is
    the server's and `by` that of the program that dumped it. `database` is the one that was dumped, "" if the backup does not say.
    `identity` (inodes, sizes, times to the nanosecond) changes with every write; in a source it is what that calls it. `of` is the kind of
    server.
    """

    path: str
    size: int
    changed: datetime
    format: str | None
    version: str
    by: str
    database: str
    whole: bool | None
    wrong: str
    identity: str = ""
    source: Source | None = None
    of: str = "Postgres"

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def opened(self) -> bool:
        """Whether its beginning was read. What a source has is opened when it is chosen."""
        return self.source is None or bool(self.format or self.wrong)

    @property
    def major(self) -> int:
        """The major version of the server that was dumped; 0 if the backup does not say."""
        return major(self.version)

    @property
    def reader(self) -> int:
        """The oldest major version of pg_restore that can read this archive; 0 if every version can, and for SQL."""
        return next((version for version in _FORMATS if self.format in ARCHIVES and major(self.by) >= version), 0)


@dataclass(frozen=True)
class Contents:
    """What is in a backup, found by reading all of it: rows by table, and bytes of SQL.

    `wrong` says why it cannot be used, "" if it can. `others` are the materialized views and foreign tables that it creates; how many rows
    those have is not in a backup.
    """

    rows: dict[str, int]
    bytes: int
    wrong: str
    others: dict[str, Kind] = field(default_factory=dict)


def major(version: str) -> int:
    """The major version in a text such as `17.12`; 0 if the text is no version."""
    found = re.match(r"\d+", version)
    return int(found[0]) if found else 0
