"""The folder of one incident. It is private; its files are written atomically, and its log of events is synced line by line."""

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
# The values of these keys are words of this project that a resumed run depends on. They are never masked, even if a secret is the same
# word.
OWN_WORDS = {
    "at", "cell", "decided", "ending", "event", "failing_since", "hash", "how", "incident", "job", "last", "mode", "plan", "procedure",
    "sent", "sha256", "state", "status", "step", "steps", "until", "verdict", "word",
}  # fmt: skip
FOLDER_VARIABLE = "ROLLBACK_INCIDENT"  # the folder that the runner made for the run whose cells this process runs


def incidents_root() -> Path:
    """The folder that holds the records. Raises NoRunbookFolder."""
    return Path(os.environ.get(ROOT_VARIABLE) or home() / "incidents")


def begun(path: Path) -> bool:
    """Whether a run has begun in this folder. Before that the folder is not a record yet, and only reserved for one."""
    return bool(Log(path / EVENTS).lines()) or (path / "record.json").exists()


def who() -> str:
    """The user and the machine that run this, as USER@MACHINE."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


class Folder:
    """The folder `incidents/YYYY/MM/DD/HHMMSSZ-PROCEDURE-ID/`.

    `redactor` knows the secrets of the run that writes to it, and masks them in events and in record.json. `closed` is whether this
    process has sealed the record. Several threads may add events.
    """

    def __init__(self, path: Path, redactor: Redactor | None = None) -> None:
        self.path = path
        self.redactor = redactor or Redactor()
        self.id = path.name.rpartition("-")[2]
        self.closed = False
        self._events = Log(path / EVENTS)
        self._state: RunState | None = None
        self._noting = threading.RLock()

    @classmethod
    def create(cls, procedure: str, root: Path) -> "Folder":
        """Make a new folder below `root`, with mode 0700 and a new id."""
        now = datetime.now(UTC)
        path = root / f"{now:%Y/%m/%d}" / f"{now:%H%M%S}Z-{procedure}-{secrets.token_hex(3)}"
        path.mkdir(parents=True, mode=0o700)
        (path / EVENTS).touch(mode=0o600)
        return cls(path)

    def event(self, kind: str, **data: Any) -> None:
        """Append an event, and wait until it is on disk. Raises Refused if the record is closed."""
        self.check_open()
        with self._noting:
            line = self._cleaned({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": kind, **data})
            self._events.append(line)
            if self._state:
                self._state.apply(line)

    def check_open(self) -> None:
        """Raise Refused if the record is closed."""
        if self.closed:
            raise Refused(
                f"{self.id} is closed, and its record is sealed; if something is left to do, run `rollback resume {self.id}`; "
                "else run the cells from the first one again"
            )

    @property
    def runs(self) -> int:
        """How many runs have written to this record: the first one, and those that resumed it."""
        return sum(event["event"] in ("open", RESUMED) for event in self.events())

    @property
    def state(self) -> RunState:
        """The state of the run after the events so far. `event` keeps it up to date. Events that another process appends later are not
        in it."""
        with self._noting:
            if self._state is None:
                self._state = RunState.of(self.events())
            return self._state

    def events(self) -> list[dict[str, Any]]:
        """The events so far, oldest first. A line that a crash cut short is left out."""
        return self._events.entries()

    def write(self, name: str, text: str) -> None:
        """Write a file of the record atomically, with mode 0600."""
        write_private(self.path / name, text)

    def hashes(self, *names: str) -> dict[str, str]:
        """The SHA-256 of these files of the record, by name. An event keeps them under the key `sha256`."""
        return {name: file_hash(self.path / name) for name in names}

    def next_notebook(self) -> Path:
        """The path for the notebook of a run that begins now. A record keeps a notebook for each of its runs."""
        earlier = len(list(self.path.glob("notebook*.ipynb")))
        return self.path / (f"notebook-{earlier + 1}.ipynb" if earlier else "notebook.ipynb")

    def discard(self) -> None:
        """Remove the folder of a run that never began."""
        shutil.rmtree(self.path)

    def record(self) -> dict[str, Any]:
        """The content of record.json; empty if it was not written or cannot be read."""
        try:
            content = json.loads((self.path / "record.json").read_text())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def write_record(self, content: dict[str, Any]) -> None:
        """Write record.json, with the version of this package. If it is written again after the run, the version of the run is kept."""
        cleaned = {**self._cleaned(content), "version": content.get("version", version())}
        self.write("record.json", json.dumps(cleaned, indent=2, ensure_ascii=False) + "\n")

    def _cleaned(self, content: dict[str, Any]) -> dict[str, Any]:
        return {key: _plain(value) if key in OWN_WORDS else self.redactor.clean_all(_plain(value)) for key, value in content.items()}


def _plain(value: object) -> object:
    """A structure in types that JSON has: dataclasses become mappings, bytes their number, and other types their text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(value.__dict__)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return f"‹{len(value)} bytes›"
    return value if value is None or isinstance(value, str | int | float) else str(value)
