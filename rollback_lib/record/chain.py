"""The chain of records: one log for all of them, in which each is entered when it opens and when it is sealed.

`chain.jsonl` in the folder of the records. An entry of a sealed record holds the SHA-256 of its manifest, which holds that of
each of its files; every entry holds how many lines of events the record had, and the hash of the last. So no record can be
changed, removed or inserted unseen, short of rewriting the whole chain; the hash of its newest line (`head`), kept
anywhere else, reveals that, too.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rollback_lib.record.folder import EVENTS
from rollback_lib.record.log import Log, parsed

FILE = "chain.jsonl"
OPENED, SEALED, PRUNED = "opened", "sealed", "pruned"
_SUMMARY = ("procedure", "stack", "host", "who", "mode", "because", "verdict", "reason", "target", "plan", "seconds", "budget", "written")
_MOST = 300  # characters of a text in the chain


class Chain:
    """The chain in the folder of the records."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = Log(root / FILE)

    def enter(self, event: str, folder: Path, record: Mapping[str, Any], **more: str) -> None:
        """Enter a record: what it is, in short, and `more`."""
        summary = {name: _short(record[name]) for name in _SUMMARY if record.get(name) not in (None, "")}
        at = datetime.now(UTC).isoformat(timespec="seconds")
        number, last = Log(folder / EVENTS).end
        one = {"at": at, "event": event, "folder": self._place(folder), "incident": folder.name.rpartition("-")[2]}
        self.log.append({**one, **summary, "events": number, "last": last, **more})

    def entries(self) -> list[dict[str, Any]]:
        """All entries, oldest first."""
        return self.log.entries()

    def of(self, folder: Path) -> dict[int, dict[str, Any]]:
        """The entries of one record by the numbers of their lines, oldest first."""
        place = self._place(folder)
        named = json.dumps(place, ensure_ascii=False).encode(errors="surrogateescape")
        found = ((number, parsed(line)) for number, line in self.log.having(named).items())
        return {number: entry for number, entry in found if entry is not None and entry["folder"] == place}

    def latest(self) -> dict[str, dict[str, Any]]:
        """The newest entry of each record, by its folder, in the order in which they were opened."""
        return latest(self.entries())

    @property
    def head(self) -> str:
        """The hash of the newest line; "" of an empty chain."""
        return self.log.end[1]

    def _place(self, folder: Path) -> str:
        return str(folder.resolve().relative_to(self.root.resolve()))


def latest(entries: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The newest entry of each record, by its folder; what an earlier one knew stays, and so does when it was opened."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        known = found.get(entry["folder"], {"opened": entry["at"]})
        found[entry["folder"]] = {**known, **entry}
    return found


def _short(value: Any) -> Any:
    return value[:_MOST] if isinstance(value, str) else value
