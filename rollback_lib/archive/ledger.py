"""The ledger of what was archived: `archive.jsonl` in the folder of the records, a line for each bundle that was sent and proven.

It can be lost: what it said is then read from the archive.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollback_lib.archive.bundle import Entry
from rollback_lib.archive.store import Stored
from rollback_lib.record.log import Log

FILE = "archive.jsonl"


@dataclass(frozen=True)
class Last:
    """The newest entry that was sent to an archive: its number, its hash, the day of its bundle; and the latest end of all locks so far, in
    ISO 8601, "" if nothing was ever locked."""

    number: int = 0
    hash: str = ""
    day: str = ""
    until: str = ""


class Ledger:
    """The ledger in the folder of the records."""

    def __init__(self, root: Path) -> None:
        self._log = Log(root / FILE)
        self._known = self._log.entries()
        self.manifests: dict[str, str] = {}  # of the records that were sent, each with the address of its archive
        self.stamped: set[str] = set()  # those whose timestamps were sent as well
        for entry in self._known:
            self._enter(entry)

    def last(self, address: str, writer: str) -> Last:
        """What was sent last to an archive by that writer."""
        sent = [entry for entry in self.sent(address) if entry["writer"] == writer]
        if not sent:
            return Last()
        newest = sent[-1]
        return Last(newest["number"], newest["entry"], newest["key"][:10], max(one["until"] for one in sent))

    def sent(self, address: str) -> list[Mapping[str, Any]]:
        """All that was sent to an archive, oldest first."""
        return [entry for entry in self._known if entry["archive"] == address]

    def note(self, address: str, entry: Entry, stored: Stored) -> None:
        """Note a bundle that was sent and proven."""
        line = {
            "at": entry.at, "archive": address, "writer": entry.writer, "number": entry.number, "entry": entry.hash,
            "folder": entry.folder, "manifest": entry.manifest, "key": stored.key, "version": stored.version, "until": entry.until,
            "stamp": entry.stamp, "late": entry.late,
        }  # fmt: skip
        self._log.append(line)
        self._known.append(line)
        self._enter(line)

    def _enter(self, line: Mapping[str, Any]) -> None:
        if not line.get("late"):
            self.manifests[line["manifest"]] = line["archive"]
        if line.get("stamp"):
            self.stamped.add(line["manifest"])
