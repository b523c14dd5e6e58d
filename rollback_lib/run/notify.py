"""Notifying people when a run begins and when it ends. If a notice cannot be sent, an event says so; the run continues."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable

from rollback_lib.record.folder import Folder
from rollback_lib.stack.model import Notify

DEADLINE = 8.0  # seconds to send one notice
ASKED = "approval"  # the kind of the notice that another person has to approve
HEADROOM = 2.0  # seconds that `wait` allows beyond it


class Notifier:
    """Notifies everyone in a stack's `notify`, in parallel with the run. `on_host` reads a file on the host, as text; None if there
    is no such file. `line` shows a line to the person at the run."""

    def __init__(self, notify: list[Notify], folder: Folder, on_host: Callable[[str], str | None], line: Callable[[str], None]) -> None:
        self._notify = notify
        self._folder = folder
        self._on_host = on_host
        self._line = line
        self._noting = threading.Lock()
        self._waiting: list[tuple[threading.Thread, Notify, str]] = []

    @property
    def told(self) -> str:
        """The kind of the newest notice; "" if none was sent."""
        return self._folder.state.told

    def tell(self, kind: str, text: str, incident: str) -> None:
        """Send a notice to all, without waiting. Does nothing if the newest notice was of the same kind."""
        if not self._notify or self.told == kind:
            return
        self._folder.event("telling", word=kind)
        for entry in self._notify:
            thread = threading.Thread(target=self._tell, args=(entry, kind, self._folder.redactor.clean(text), incident), daemon=True)
            self._waiting.append((thread, entry, kind))
            thread.start()

    def wait(self) -> None:
        """Wait until all notices are sent or their time is over. What happens to a notice later is not written to the record, which may
        be sealed by then."""
        until = time.monotonic() + DEADLINE + HEADROOM
        for thread, _, _ in self._waiting:
            thread.join(max(0.0, until - time.monotonic()))
        with self._noting:
            late, self._waiting = [(entry, kind) for thread, entry, kind in self._waiting if thread.is_alive()], []
            for entry, kind in late:
                self._note(entry, kind, "no answer in time")

    def _tell(self, entry: Notify, kind: str, text: str, incident: str) -> None:
        try:
            wrong = _post(self._address(entry.webhook), text) if entry.webhook else _run(entry.command or [], kind, text, incident)
        except Exception as error:  # no error here may stop a rollback; its message may hold the secret address, so only its type is kept
            wrong = type(error).__name__
        with self._noting:
            if any(thread is threading.current_thread() for thread, _, _ in self._waiting):
                self._note(entry, kind, wrong)

    def _note(self, entry: Notify, kind: str, wrong: str) -> None:
        self._folder.event("told", word=kind, to=entry.words, ok=not wrong, error=wrong)
        if wrong:
            self._line(f"▲ {entry.words} could not be notified ({wrong}); the run continues.")

    def _address(self, reference: str) -> str:
        where, _, name = reference.partition(":")
        found = os.environ.get(name) if where == "env" else self._on_host(name)
        if not found:
            raise LookupError(name)
        return found.strip()


def unset(notify: list[Notify]) -> list[str]:
    """The entries whose address should be in an environment variable that is not set here, in words."""
    names = ((entry, entry.webhook.removeprefix("env:")) for entry in notify if entry.webhook and entry.webhook.startswith("env:"))
    return [entry.words for entry, name in names if not os.environ.get(name)]


def _post(address: str, text: str) -> str:
    """POST the text as JSON, as Slack, Mattermost, Google Chat and Teams expect it. Returns what went wrong, or ""."""
    import httpx

    answer = httpx.post(address, json={"text": text}, timeout=DEADLINE)
    return "" if answer.is_success else f"it answered {answer.status_code}"


def _run(command: list[str], kind: str, text: str, incident: str) -> str:
    """Run a command on this machine, with the notice as JSON on its standard input. Returns what went wrong, or ""."""
    said = json.dumps({"kind": kind, "incident": incident, "text": text}, ensure_ascii=False)
    done = subprocess.run(command, input=said, text=True, capture_output=True, timeout=DEADLINE)
    return "" if done.returncode == 0 else f"exit status {done.returncode}"
