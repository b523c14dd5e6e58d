"""A runbook folder for a test."""

from pathlib import Path

from rollback_lib.settings import PARTS


def runbook_folder(folder: Path) -> Path:
    """Make `folder` an empty runbook folder."""
    for part in PARTS:
        (folder / part).mkdir(parents=True)
    return folder
