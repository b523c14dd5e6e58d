"""What a plan writes to on the host, beside the folder of the stack."""

from dataclasses import dataclass
from enum import StrEnum


class How(StrEnum):
    """REPLACED: another file is moved to the path, and is to have the same owner. IN_PLACE: into the file that is there. FOLDER: files
    are made, replaced and removed in it."""

    REPLACED = "replaced"
    IN_PLACE = "place"
    FOLDER = "folder"


@dataclass(frozen=True)
class Write:
    """A path of the host, and how it is written to."""

    path: str
    how: How
