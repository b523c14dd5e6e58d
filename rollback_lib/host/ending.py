"""How a command on the host ended, and why. The host says so itself (`WATCH` in snippets.py): nothing is guessed from a status."""

import re
from dataclasses import dataclass
from enum import StrEnum
from signal import SIGKILL, Signals

SHELL = 128  # an exit status above it may be that of a shell whose command a signal ended: so much more than its number
_SIGNALS = 64


class Kind(StrEnum):
    """LOST: what watched it was killed as well. UNHEARD: it was not waited for any longer, and may be running still."""

    EXITED = "exited"
    SIGNAL = "signal"
    DEADLINE = "deadline"
    LOST = "lost"
    UNHEARD = "unheard"


@dataclass(frozen=True)
class Ending:
    """How a command ended. `number` is its exit status, the signal, or seconds: its deadline (0: not known), or how long it was
    waited for."""

    kind: Kind
    number: float = 0

    @classmethod
    def exited(cls, status: int) -> "Ending":
        """It came to its own end, with this exit status."""
        return cls(Kind.EXITED, status)

    @classmethod
    def read(cls, marks: str) -> "Ending":
        """What the marks of `WATCH` say, one after the other on a line. Raises ValueError for anything else."""
        known = re.fullmatch(r"deadline (\d{1,10}(?:\.\d{1,9})?)|(exited )?(\d{1,3})", marks.strip())
        if known is None:
            raise ValueError(f"not the end of a command: {marks[:80]!r}")
        if known[1]:
            return cls(Kind.DEADLINE, float(known[1]))
        signal = int(known[3]) - SHELL
        return cls(Kind.SIGNAL, signal) if 0 < signal <= _SIGNALS and not known[2] else cls.exited(int(known[3]))

    @property
    def status(self) -> int | None:
        """The exit status, where it came to one."""
        return int(self.number) if self.kind is Kind.EXITED else None

    @property
    def ok(self) -> bool:
        """Whether it did what it was to do."""
        return self.status == 0

    @property
    def words(self) -> str:
        """How it ended."""
        number = f"{self.number:.10g}"
        match self.kind:
            case Kind.EXITED:
                # It is often the shell that exits, with the status of a command that was killed.
                killed = self.number == SHELL + SIGKILL
                return f"exit status {number}" + (f", perhaps of a command that was {_by(SIGKILL)}" if killed else "")
            case Kind.SIGNAL:
                return _by(int(self.number))
            case Kind.DEADLINE:
                return "cut off at its deadline" + (f" of {number} s" if self.number else "")
            case Kind.LOST:
                return "killed with the shell that watched it; how it ended is not known"
            case Kind.UNHEARD:
                return f"no end of it was heard in {number} s; it may be running still"


def _by(signal: int) -> str:
    if signal == SIGKILL:
        return "killed (SIGKILL), as when memory runs out"
    known = signal in {one.value for one in Signals}
    return f"ended by {Signals(signal).name if known else f'signal {signal}'}"
