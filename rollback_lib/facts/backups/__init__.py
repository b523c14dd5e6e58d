"""The backups of a database: where they are, what their headers say, whether they are complete, and what they contain."""

from rollback_lib.facts.backups.backup import ARCHIVES, CUSTOM, DIRECTORY, GZIP, PLAIN, ZSTD, Backup, Contents, major
from rollback_lib.facts.backups.contents import contents, raw, stream
from rollback_lib.facts.backups.listing import LISTED, listing, unchanged
from rollback_lib.facts.backups.sources import Away, opened
from rollback_lib.facts.backups.sources import listing as of_source

__all__ = [
    "ARCHIVES", "CUSTOM", "DIRECTORY", "GZIP", "LISTED", "PLAIN", "ZSTD", "Away", "Backup", "Contents", "contents", "listing", "major",
    "of_source", "opened", "raw", "stream", "unchanged",
]  # fmt: skip
