"""The backups of a database: where they are, what their headers say, whether they are complete, and what they contain."""

from rollback_lib.facts.backups.backup import ARCHIVES, CUSTOM, DIRECTORY, GZIP, PLAIN, ZSTD, Backup, Contents, major
from rollback_lib.facts.backups.contents import contents, raw, stream, unpacked
from rollback_lib.facts.backups.listing import LISTED, listing, unchanged
from rollback_lib.facts.backups.mysqldump import LED_INTO
from rollback_lib.facts.backups.mysqldump import contents as of_mysqldump
from rollback_lib.facts.backups.sources import Away, opened
from rollback_lib.facts.backups.sources import listing as of_source

__all__ = [
    "ARCHIVES", "CUSTOM", "DIRECTORY", "GZIP", "LED_INTO", "LISTED", "PLAIN", "ZSTD", "Away", "Backup", "Contents", "contents", "listing",
    "major", "of_mysqldump", "of_source", "opened", "raw", "stream", "unchanged", "unpacked",
]  # fmt: skip
