"""The folder of one incident: made private, written atomically, its log of events synced line by line."""

import dataclasses
import getpass
import json
import os
import secrets
import shutil
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rollback_lib.errors import Refused
from rollback_lib.record.files import file_hash, write_private
from rollback_lib.record.log import Log
from rollback_lib.record.state import RESUMED, RunState
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.settings import home, version

ROOT_VARIABLE = "ROLLBACK_INCIDENTS"  # where records go; `incidents/` of the runbook folder unless set
EVENTS = "events.jsonl"
# What stands under these keys are our own words, by which a resumed run finds its way: never hidden, even where a secret
# is such a word, too.
OWN_WORDS = {
    "at", "cell", "decided", "ending", "event", "failing_since", "hash", "how", "incident", "job", "last", "mode", "plan", "procedure",
    "sent", "sha256", "state", "status", "step", "steps", "until", "verdict", "word",
}  # fmt: skip
FOLDER_VARIABLE = "ROLLBACK_INCIDENT"  # the folder our runner made for the run that a kernel belongs to


def incidents_root() -> Path:
    """The folder that holds the records. Raises NoRunbookFolder."""
    return Path(os.environ.get(ROOT_VARIABLE) or home() / "incidents")


def begun(path: Path) -> bool:
    """Whether a run has begun in the folder of a record; until then it is none, and only holds a place for it."""
    return bool(Log(path / EVENTS).lines()) or (path / "record.json").exists()


def who() -> str:
    """Who runs this, for the record."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


class Folder:
    """`incidents/YYYY/MM/DD/HHMMSSZ-PROCEDURE-ID/`. `redactor` knows the secrets of the run that writes to it."""

    def __init__(self, path: Path, redactor: Redactor | None = None) -> None:
        self.path = path
        self.redactor = redactor or Redactor()
        self.id = path.name.rpartition("-")[2]
        self.closed = False  # for this process, once it has sealed it
        self._events = Log(path / EVENTS)
        self._state: RunState | None = None
        self._noting = threading.RLock()

    @classmethod
    def create(cls, procedure: str, root: Path) -> "Folder":
        """A new folder, 0700, with an id of its own."""
        now = datetime.now(UTC)
        path = root / f"{now:%Y/%m/%d}" / f"{now:%H%M%S}Z-{procedure}-{secrets.token_hex(3)}"
        path.mkdir(parents=True, mode=0o700)
        (path / EVENTS).touch(mode=0o600)
        return cls(path)

    def event(self, kind: str, **data: Any) -> None:
        """Append one event and wait until it is on disk. Raises Refused once the record is closed."""
        self.check_open()
        with self._noting:
            line = self._cleaned({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": kind, **data})
            self._events.append(line)
            if self._state:
                self._state.apply(line)

    def check_open(self) -> None:
        """Raises Refused once the record is closed."""
        if self.closed:
            raise Refused(
                f"{self.id} is closed, and its record is sealed; if something is left to do, run `rollback resume {self.id}`; "
                "else run the cells from the first one again"
            )

    @property
    def runs(self) -> int:
        """How many runs have written to it: the first one, and those that were resumed."""
        return sum(event["event"] in ("open", RESUMED) for event in self.events())

    @property
    def state(self) -> RunState:
        """The state of the run after the events so far. It is kept up by `event`; what another process appends is not in it."""
        with self._noting:
            if self._state is None:
                self._state = RunState.of(self.events())
            return self._state

    def events(self) -> list[dict[str, Any]]:
        """The events so far; a line that a crash cut short is left out."""
        return self._events.entries()

    def write(self, name: str, text: str) -> None:
        """Write a file of the record, 0600 and whole or not at all."""
        write_private(self.path / name, text)

    def hashes(self, *names: str) -> dict[str, str]:
        """The SHA-256 of these files of the record, for an event that has them under `sha256`."""
        return {name: file_hash(self.path / name) for name in names}

    def next_notebook(self) -> Path:
        """Where the notebook of the run that begins is kept: a record keeps that of every run it went through."""
        earlier = len(list(self.path.glob("notebook*.ipynb")))
        return self.path / (f"notebook-{earlier + 1}.ipynb" if earlier else "notebook.ipynb")

    def discard(self) -> None:
        """Remove the folder of a run that never began."""
        shutil.rmtree(self.path)

    def record(self) -> dict[str, Any]:
        """record.json, or an empty mapping when the run never came that far."""
        try:
            content = json.loads((self.path / "record.json").read_text())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def write_record(self, content: dict[str, Any]) -> None:
        """Write record.json, with the version of this package; one that is written again after its run keeps that of the run."""
        told = {**self._cleaned(content), "version": content.get("version", version())}
        self.write("record.json", json.dumps(told, indent=2, ensure_ascii=False) + "\n")

    def _cleaned(self, content: dict[str, Any]) -> dict[str, Any]:
        return {key: _plain(value) if key in OWN_WORDS else self.redactor.clean_all(_plain(value)) for key, value in content.items()}


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
