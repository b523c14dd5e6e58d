"""What was changed on a host, and when."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class Level(IntEnum):
    """What leads to what: of changes in the same second, one of a lower level came first."""

    TREE = 0
    FILE = 1
    IMAGE = 2
    CONTAINER = 3
    PROVEN = 4


@dataclass(frozen=True)
class Change:
    """One change: of what `kind`, in a word or two, and what was changed."""

    when: datetime
    level: Level
    kind: str
    words: str
