"""A change that was made on the host."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class Level(IntEnum):
    """The order of changes within the same second: those of a lower level come first, since they lead to the others."""

    TREE = 0
    FILE = 1
    IMAGE = 2
    CONTAINER = 3
    PROVEN = 4


@dataclass(frozen=True)
class Change:
    """A change. `kind` says in a word or two what it is, e.g. "deploy", and `words` what was changed."""

    when: datetime
    level: Level
    kind: str
    words: str
