"""The folder of one incident: made private, written atomically, its log of events synced line by line."""

import dataclasses
import json
import os
import secrets
import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rollback_lib.paths import PROJECT
from rollback_lib.record.redaction import clean_all

ROOT_VARIABLE = "ROLLBACK_INCIDENTS"  # where records go; `incidents/` of the project unless set
FOLDER_VARIABLE = "ROLLBACK_INCIDENT"  # the folder our runner made for the run that a kernel belongs to


def incidents_root() -> Path:
    """The folder that holds the records."""
    return Path(os.environ.get(ROOT_VARIABLE) or PROJECT / "incidents")


class Folder:
    """`incidents/YYYY/MM/DD/HHMMSSZ-PROCEDURE-ID/`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name.rpartition("-")[2]
        self._lock = threading.Lock()
        self._events = os.open(path / "events.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    @classmethod
    def create(cls, procedure: str, root: Path) -> "Folder":
        """A new folder, 0700, with an id of its own."""
        now = datetime.now(UTC)
        path = root / f"{now:%Y/%m/%d}" / f"{now:%H%M%S}Z-{procedure}-{secrets.token_hex(3)}"
        path.mkdir(parents=True, mode=0o700)
        return cls(path)

    def event(self, kind: str, **data: Any) -> None:
        """Append one event and wait until it is on disk."""
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": kind, **data}
        text = json.dumps(clean_all(_plain(line)), ensure_ascii=False) + "\n"
        with self._lock:
            os.write(self._events, text.encode())
            os.fdatasync(self._events)

    def events(self) -> list[dict[str, Any]]:
        """The events so far; a last line that a crash cut short is left out."""
        found = []
        for line in (self.path / "events.jsonl").read_text().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def write(self, name: str, text: str) -> None:
        """Write a file of the record, 0600 and whole or not at all."""
        write_private(self.path / name, text)

    def discard(self) -> None:
        """Remove the folder of a run that never began."""
        os.close(self._events)
        shutil.rmtree(self.path)

    def record(self) -> dict[str, Any]:
        """record.json, or an empty mapping when the run never came that far."""
        try:
            content = json.loads((self.path / "record.json").read_text())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def write_record(self, content: dict[str, Any]) -> None:
        self.write("record.json", json.dumps(clean_all(_plain(content)), indent=2, ensure_ascii=False) + "\n")


def _plain(value: object) -> object:
    """A structure as JSON can have it: dataclasses as mappings, bytes as their number, all else as its text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(value.__dict__)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return f"‹{len(value)} bytes›"
    return value if value is None or isinstance(value, str | int | float) else str(value)


def write_private(path: Path, text: str, *, sync: bool = True) -> None:
    """Put `text` at `path`, mode 0600, atomically; `sync`: wait until it is on disk."""
    part = path.with_name(f".{path.name}.part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if sync:
            os.fsync(file.fileno())
    part.replace(path)
