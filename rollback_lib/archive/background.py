"""Sends what is queued; after a run in a process of its own, so that no run waits for an archive, and none fails because of it.

How that ended is in `archive-failed.json` in the folder of the records, until it ends well.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rollback_lib.archive import address
from rollback_lib.errors import ParameterError, RollbackError
from rollback_lib.record import timestamp
from rollback_lib.record.files import write_private

if TYPE_CHECKING:
    from rollback_lib.archive.sending import Sent

FAILED = "archive-failed.json"
_NICE = 10  # a rollback that begins meanwhile comes first


def start(root: Path, folder: Path) -> None:
    """Begin to send what is queued in `root`, and to get timestamps, if the record in `folder` is to be archived or to have one. Returns at
    once, and raises nothing."""
    try:
        if address.destination(folder) is None and not timestamp.wanted():
            return
    except ParameterError as error:
        _note(root, str(error))
        return
    command = [sys.executable, "-m", "rollback_lib.archive", str(root.resolve())]
    try:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        _note(root, f"the process that sends could not be started ({error.strerror})")


def main(root: Path) -> None:
    """Send what is queued in `root`. Nobody reads what this process prints, so whatever goes wrong is noted."""
    os.nice(_NICE)
    try:
        send(root)
    except RollbackError as error:
        _note(root, str(error))
    except Exception as error:
        _note(root, f"sending failed ({type(error).__name__})")


def send(root: Path, on_record: Callable[[str], None] = lambda _: None) -> "Sent":
    """Get the timestamps that are missing, then `sending.send`; with a note of what failed, or without one of before if nothing did."""
    from rollback_lib.archive import sending  # only here: every run imports this module, and few have an archive

    stamped: tuple[str, ...] = ()
    unstamped: tuple[str, ...] = ()
    try:
        stamped = tuple(timestamp.stamp_missing(root))
    except RollbackError as error:  # the records are archived all the same
        unstamped = (str(error),)
    done = sending.send(root, on_record)
    done = replace(done, stamped=stamped, failed=(*unstamped, *done.failed))
    if done.failed:
        _note(root, done.failed[0])
    else:
        (root / FAILED).unlink(missing_ok=True)
    return done


def failure(root: Path) -> str:
    """Why the last sending in the background did not end well, in a sentence; "" if it did."""
    known = _noted(root)
    return f"records of {root} wait for their archive or timestamp since {known['since']}: {known['error']}" if known else ""


def _noted(root: Path) -> dict[str, str]:
    """What is noted of the last failure: `since` when, and the `error`; empty if nothing is."""
    try:
        known = json.loads((root / FAILED).read_text())
        return {"since": str(known["since"]), "error": str(known["error"])}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _note(root: Path, error: str) -> None:
    since = _noted(root).get("since") or datetime.now(UTC).isoformat(timespec="minutes")
    try:
        write_private(root / FAILED, json.dumps({"since": since, "error": error}) + "\n")
    except OSError:  # the disk is full: there is nothing left to do
        return
