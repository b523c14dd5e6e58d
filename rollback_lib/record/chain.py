"""The chain of records: a log in which every record is entered when it opens and when it is sealed.

It is `chain.jsonl` in the folder of the records. The entry of a sealed record holds the SHA-256 of its manifest, which holds the SHA-256
of each of its files. Every entry holds how many lines of events the record had, and the hash of the last one. So nobody can change,
remove or insert a record unseen, unless they rewrite the whole chain. To detect that as well, keep the hash of its newest line (`head`)
somewhere else.
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
FETCHED = "fetched"  # the key of a line that was first in another chain: when it was entered in this one; `writer` names the other
_SUMMARY = ("procedure", "stack", "host", "who", "mode", "because", "verdict", "reason", "target", "plan", "seconds", "budget", "written",
            "practice", "changed", "healthy_seconds")  # fmt: skip
_MOST = 300  # characters that the chain keeps of a text


class Chain:
    """The chain in the folder of the records."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = Log(root / FILE)

    def enter(self, event: str, folder: Path, record: Mapping[str, Any], **more: str) -> None:
        """Enter the record in `folder`, with the event, a summary of `record` (the content of record.json), and `more` keys."""
        summary = {name: _short(record[name]) for name in _SUMMARY if record.get(name) not in (None, "")}
        at = datetime.now(UTC).isoformat(timespec="seconds")
        number, last = Log(folder / EVENTS).end
        head = {"at": at, "event": event, "folder": self._place(folder), "incident": folder.name.rpartition("-")[2]}
        self.log.append({**head, **summary, "events": number, "last": last, **more})

    def entries(self) -> list[dict[str, Any]]:
        """All entries, oldest first."""
        return self.log.entries()

    def of(self, folder: Path) -> dict[int, dict[str, Any]]:
        """The entries of one record, by the number of their line in the chain, oldest first."""
        place = self._place(folder)
        named = json.dumps(place, ensure_ascii=False).encode(errors="surrogateescape")
        found = ((number, parsed(line)) for number, line in self.log.having(named).items())
        return {number: entry for number, entry in found if entry is not None and entry["folder"] == place}

    def latest(self) -> dict[str, dict[str, Any]]:
        """The newest entry of each record, by its folder, in the order in which they were opened."""
        return latest(self.entries())

    @property
    def head(self) -> str:
        """The hash of the newest line; "" if the chain is empty."""
        return self.log.end[1]

    def _place(self, folder: Path) -> str:
        return str(folder.resolve().relative_to(self.root.resolve()))


def latest(entries: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The newest entry of each record, by its folder. It includes keys that only earlier entries have, and `opened`, the time of the
    first entry."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        known = found.get(entry["folder"], {"opened": entry["at"]})
        found[entry["folder"]] = {**known, **entry}
    return found


def _short(value: Any) -> Any:
    return value[:_MOST] if isinstance(value, str) else value
