"""A file of what runs, as a mark and a readiness run keep it: as a version that was healthy here, or as one that was bad."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Concatenate

from rollback_lib.facts import files
from rollback_lib.facts.host import Host
from rollback_lib.procedures.common import snapshots
from rollback_lib.stack.model import Stack


@dataclass(frozen=True)
class RunningFile:
    """A file with its versions. `kept` is the name under which these are kept; `doubt` says why what runs may not have the file as it is,
    "" where it has."""

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
        """Those that kept this content as healthy."""
        same = (one for one in self.versions if one.verdict and not one.verdict.startswith("bad"))
        return (one.name.partition("-")[2] for one in same if one.file.content.reveal() == self.content)


@dataclass(frozen=True)
class Keeping:
    """The file of a procedure that is kept with what runs: where it is, and how it is looked at (None: there is none), both with the
    parameters of the part."""

    path: Callable[Concatenate[Stack, ...], str]
    look: Callable[Concatenate[Host, Stack, ...], RunningFile | None]
