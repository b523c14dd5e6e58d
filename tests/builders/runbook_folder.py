"""A runbook folder of a test's own."""

from pathlib import Path

from rollback_lib.settings import PARTS


def runbook_folder(folder: Path) -> Path:
    """Make `folder` one that has nothing in it."""
    for part in PARTS:
        (folder / part).mkdir(parents=True)
    return folder
