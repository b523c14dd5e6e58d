"""What a plan notes about a file: a hash of its content, its mode, owner and group."""

from typing import Self

from rollback_lib.facts import files
from rollback_lib.plan.noted import Noted

NO_FILE = "no file"


class NotedFile(Noted):
    """A file. `content` is a hash. Where a NotedFile is optional, None means that there is no such file."""

    content: str
    mode: str
    owner: int
    group: int

    @classmethod
    def of(cls, file: files.File, content: str) -> Self:
        """The notes about `file`. `content` is the hash of its content: a plain hash, or one with the key of the run if the file holds
        secrets."""
        return cls(content=content, mode=file.mode, owner=file.owner, group=file.group)

    @property
    def rights(self) -> str:
        """Mode, owner and group in words."""
        return f"{self.mode} {self.owner}:{self.group}"


def content_of(file: NotedFile | None) -> str:
    """The hash of the file's content, or NO_FILE: a text that can be compared and shown."""
    return file.content if file else NO_FILE


def rights_of(file: NotedFile | None) -> str:
    """The file's mode, owner and group, or NO_FILE: a text that can be compared and shown."""
    return file.rights if file else NO_FILE
