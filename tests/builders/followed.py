"""A stack's folder as runs and jobs write it, here on this machine, for those who follow."""

import fcntl
import json
import os
import time
from dataclasses import asdict
from pathlib import Path

from rollback_lib.host.lock import Owner

OWNER = Owner("3f2a9c", "code", "me@laptop", "500s since 03:02", "2026-11-24T03:12:04+00:00")


class There:
    """The stack's folder, `state`."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self._open: dict[str, int] = {}

    def hold(self, owner: Owner = OWNER, seconds: float = 60) -> None:
        """Somebody takes the lock, or renews it."""
        (self.state / "lock").mkdir(parents=True, exist_ok=True)
        (self.state / "jobs" / owner.incident).mkdir(parents=True, exist_ok=True)
        part = self.state / "lock" / "holder.part"
        part.write_text(f"{owner.incident}\n{int(time.time() + seconds)}\n{json.dumps(asdict(owner))}\n")
        part.replace(self.state / "lock" / "holder")

    def release(self, ended: str = "") -> None:
        if ended:
            (self.state / "jobs" / OWNER.incident / "ended.json").write_text(ended + "\n")
        (self.state / "lock" / "holder").unlink()

    def begin(self, name: str, incident: str = OWNER.incident) -> None:
        """A job begins."""
        job = self.state / "jobs" / incident / name
        job.mkdir()
        (job / "out").touch()
        self._open[name] = os.open(job / "alive", os.O_RDWR | os.O_CREAT)
        fcntl.flock(self._open[name], fcntl.LOCK_EX)
        (job / "begun").write_text(f"{int(time.time()):10}\n")

    def say(self, name: str, text: bytes, incident: str = OWNER.incident) -> None:
        with (self.state / "jobs" / incident / name / "out").open("ab") as out:
            out.write(text)

    def end(self, name: str, marks: str | None = "0", incident: str = OWNER.incident) -> None:
        """The job ends; with None it is killed, and leaves no word."""
        if marks is not None:
            (self.state / "jobs" / incident / name / "exit").write_text(marks + "\n")
        os.close(self._open.pop(name))
