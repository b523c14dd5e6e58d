"""The paths on the host that a plan writes to, besides the stack's folder."""

from dataclasses import dataclass
from enum import StrEnum


class How(StrEnum):
    """How a path is written to. REPLACED: a new file with the same owner is moved to the path. IN_PLACE: the existing file is
    overwritten. FOLDER: files in the folder are made, replaced and removed."""

    REPLACED = "replaced"
    IN_PLACE = "place"
    FOLDER = "folder"


@dataclass(frozen=True)
class Write:
    """A path of the host, and how it is written to."""

    path: str
    how: How
