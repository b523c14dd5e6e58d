"""What was measured: every single figure, with the machine, the date and the commit. It is kept as JSON, one line for each case."""

import os
import platform
import statistics
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from lab.shell import run
from rollback_lib.errors import LabError
from rollback_lib.settings import PROJECT

FILE = PROJECT / "bench" / "results.json"
Taken = tuple[str, dict[str, float]]  # what one round of one contender took: figures by name


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Machine(_Strict):
    """The machine that everything ran on. `memory` is in MB, `docker` the version of its engine."""

    cores: int
    memory: int
    kernel: str
    docker: str
    python: str

    @classmethod
    def this(cls) -> Self:
        """Raises LabError where Docker Engine does not answer."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        docker = run(["docker", "version", "--format={{.Server.Version}}"])
        return cls(
            cores=os.cpu_count() or 1, memory=memory, kernel=platform.release(), docker=docker, python=platform.python_version()
        )  # fmt: skip


class Part(_Strict):
    """A case, measured with the host `round_trip` milliseconds away. `measured` has the figures of every round, in their order, by
    contender and then by name. Names without a unit are seconds."""

    case: str
    round_trip: float
    at: datetime
    commit: str
    measured: dict[str, dict[str, list[float]]]

    @classmethod
    def of(cls, case: str, round_trip: float, taken: Iterable[Taken]) -> Self:
        measured: dict[str, dict[str, list[float]]] = {}
        for contender, figures in taken:
            for name, figure in figures.items():
                measured.setdefault(contender, {}).setdefault(name, []).append(round(figure, 4))
        return cls(case=case, round_trip=round_trip, at=datetime.now(UTC).replace(microsecond=0), commit=_commit(), measured=measured)

    def figures(self, contender: str, name: str) -> list[float]:
        """The figure of every round; empty if it was not measured."""
        return self.measured.get(contender, {}).get(name, [])

    def median(self, contender: str, name: str) -> float | None:
        figures = self.figures(contender, name)
        return statistics.median(figures) if figures else None

    @property
    def rounds(self) -> int:
        return max((len(figures) for named in self.measured.values() for figures in named.values()), default=0)


class Results(_Strict):
    """All cases that were measured on a machine, each with the last of its measurements."""

    machine: Machine
    parts: tuple[Part, ...] = ()

    @classmethod
    def load(cls, file: Path) -> Self:
        return cls.model_validate_json(file.read_text())

    @classmethod
    def continued(cls, file: Path) -> Self:
        """What the file has so far; nothing if there is no such file. Raises LabError if it was measured on another machine."""
        here = Machine.this()
        found = cls.load(file) if file.exists() else None
        if not found or not found.parts:
            return cls(machine=here)
        if found.machine != here:
            raise LabError(f"{file} was measured on another machine ({found.machine}); move it away, or name another by --results")
        return found

    def part(self, case: str, round_trip: float = 0.0) -> Part | None:
        """The measurement of a case with the host that far away; None if there is none."""
        return next((part for part in self.parts if (part.case, part.round_trip) == (case, round_trip)), None)

    def with_part(self, part: Part) -> Self:
        """These results, with `part` in place of an earlier measurement of the same."""
        others = [other for other in self.parts if (other.case, other.round_trip) != (part.case, part.round_trip)]
        return self.model_copy(update={"parts": tuple(sorted([*others, part], key=lambda one: (one.case, one.round_trip)))})

    def save(self, file: Path) -> None:
        parts = ",".join(f"\n  {part.model_dump_json()}" for part in self.parts)
        file.write_text(f'{{\n "machine": {self.machine.model_dump_json()},\n "parts": [{parts}]\n}}\n')


def _commit() -> str:
    """The commit that is checked out, with `-dirty` if files are changed. Files that only tell of a measurement do not count."""
    git = ["git", "-C", str(PROJECT)]
    commit = subprocess.check_output([*git, "rev-parse", "--short=10", "HEAD"], text=True).strip()
    told = [":!bench/results.json", ":!bench/README.md"]
    changed = subprocess.check_output([*git, "status", "--porcelain", "--untracked-files=no", "--", ".", *told], text=True)
    return commit + ("-dirty" if changed else "")
