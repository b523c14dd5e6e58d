"""Builds records that are sealed, and those whose run continues, in a folder of records with its chain."""

from pathlib import Path

from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.record.folder import Folder
from rollback_lib.run.sealing import seal

OPENING = {"procedure": "code", "stack": "dyniq", "host": "contabo", "who": "me", "mode": "apply", "because": "slow answers"}


def begin(root: Path, **more: object) -> Folder:
    folder = Folder.create(str({**OPENING, **more}["procedure"]), root)
    folder.event("open", **{**OPENING, **more})
    folder.write_record({**OPENING, "verdict": "unknown", "reason": "the run has not ended", "budget": 60.0, **more})
    Chain(root).enter(OPENED, folder.path, folder.record())
    return folder


def record(root: Path, **more: object) -> Folder:
    """A sealed record."""
    folder = begin(root, **more)
    folder.write_record({**folder.record(), "verdict": "succeeded", "reason": "healthy", "seconds": 2.5, **more})
    folder.event("verdict", verdict="succeeded", reason="healthy")
    seal(folder, root)
    return folder
