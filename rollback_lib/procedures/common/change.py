"""A change that was made on the host."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class Level(IntEnum):
    """The order of changes within the same second: those of a lower level come first, since they lead to the others."""

    START = 0
    TREE = 1
    FILE = 2
    IMAGE = 3
    CONTAINER = 4
    PROVEN = 5


@dataclass(frozen=True)
class Change:
    """A change. `kind` says in a word or two what it is, e.g. "deploy", and `words` what was changed."""

    when: datetime
    level: Level
    kind: str
    words: str
