"""What a plan notes of a file: a hash of its content, and who may do what with it."""

from typing import Self

from rollback_lib.facts import files
from rollback_lib.plan.noted import Noted

NO_FILE = "no file"


class NotedFile(Noted):
    """A file; `content` is a hash. None stands for a file that is not there."""

    content: str
    mode: str
    owner: int
    group: int

    @classmethod
    def of(cls, file: files.File, content: str) -> Self:
        """The file, with the hash of its content: a plain one, or by the key of the run where it holds secrets."""
        return cls(content=content, mode=file.mode, owner=file.owner, group=file.group)

    @property
    def rights(self) -> str:
        """Mode, owner and group in words."""
        return f"{self.mode} {self.owner}:{self.group}"


def content_of(file: NotedFile | None) -> str:
    """The hash of its content, in words that can be compared and shown."""
    return file.content if file else NO_FILE


def rights_of(file: NotedFile | None) -> str:
    """Its mode, owner and group, in words that can be compared and shown."""
    return file.rights if file else NO_FILE
