"""A file with which the stack runs. A mark and a readiness run keep it as a healthy or bad version."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Concatenate

from rollback_lib.facts import files
from rollback_lib.facts.host import Host
from rollback_lib.procedures.common import snapshots
from rollback_lib.stack.model import Stack


@dataclass(frozen=True)
class RunningFile:
    """A file, with its kept versions. `kept` is the name under which they are kept. `doubt` says why the stack may not run with the present
    content, "" if it does."""

    kept: str
    path: str
    file: files.File
    versions: tuple[snapshots.Version, ...]
    doubt: str

    @property
    def content(self) -> bytes:
        return self.file.content.reveal()

    @property
    def incidents(self) -> Iterator[str]:
        """The incidents that kept this content as healthy."""
        same = (one for one in self.versions if one.verdict and not one.verdict.startswith("bad"))
        return (one.name.partition("-")[2] for one in same if one.file.content.reveal() == self.content)


@dataclass(frozen=True)
class Keeping:
    """The file of a procedure that is kept. `path` returns its path on the host, `look` asks for it and returns None if it does not exist.
    Both are called with the parameters of the part."""

    path: Callable[Concatenate[Stack, ...], str]
    look: Callable[Concatenate[Host, Stack, ...], RunningFile | None]
