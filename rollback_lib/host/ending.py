"""How a command on the host ended, and why. The shell that watches the command reports it (`WATCH` in snippets.py)."""

import re
from dataclasses import dataclass
from enum import StrEnum
from signal import SIGKILL, Signals

SHELL = 128  # a shell whose command was ended by a signal exits with this plus the number of the signal
_SIGNALS = 64  # the highest number of a signal


class Kind(StrEnum):
    """The ways in which a command ends.

    EXITED: it exited with a status. SIGNAL: a signal ended it. DEADLINE: it was cut off at its deadline. LOST: the shell that
    watched it was killed as well, so how it ended is not known. UNHEARD: no end was reported in time, and it may still be running.
    """

    EXITED = "exited"
    SIGNAL = "signal"
    DEADLINE = "deadline"
    LOST = "lost"
    UNHEARD = "unheard"


@dataclass(frozen=True)
class Ending:
    """How a command ended. What `number` means depends on `kind`.

    EXITED: the exit status. SIGNAL: the number of the signal. DEADLINE: the deadline in seconds, 0 if not known. UNHEARD: for how
    many seconds its end was waited for. LOST: nothing.
    """

    kind: Kind
    number: float = 0

    @classmethod
    def exited(cls, status: int) -> "Ending":
        """The command exited by itself, with this status."""
        return cls(Kind.EXITED, status)

    @classmethod
    def read(cls, marks: str) -> "Ending":
        """Read the marks that `WATCH` prints, joined on one line. Raises ValueError for any other text."""
        known = re.fullmatch(r"deadline (\d{1,10}(?:\.\d{1,9})?)|(exited )?(\d{1,3})", marks.strip())
        if known is None:
            raise ValueError(f"not the end of a command: {marks[:80]!r}")
        if known[1]:
            return cls(Kind.DEADLINE, float(known[1]))
        signal = int(known[3]) - SHELL
        return cls(Kind.SIGNAL, signal) if 0 < signal <= _SIGNALS and not known[2] else cls.exited(int(known[3]))

    @property
    def status(self) -> int | None:
        """The exit status; None when the command did not exit by itself."""
        return int(self.number) if self.kind is Kind.EXITED else None

    @property
    def ok(self) -> bool:
        """Whether the command succeeded: it exited with status 0."""
        return self.status == 0

    @property
    def words(self) -> str:
        """How the command ended, as part of a sentence."""
        number = f"{self.number:.10g}"
        match self.kind:
            case Kind.EXITED:
                # Often a command was killed, and the shell that ran it exits with this status.
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
    known = signal in {item.value for item in Signals}
    return f"ended by {Signals(signal).name if known else f'signal {signal}'}"
