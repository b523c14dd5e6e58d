"""The output of a step: shown as it comes, and kept within bounded memory. Secrets are hidden in both."""

from collections import deque

from rollback_lib.host.output import KEEP
from rollback_lib.host.stream import LONGEST
from rollback_lib.plan.step import Step
from rollback_lib.run.console import Console
from rollback_lib.secrets.redactor import Redactor

SHOWN_LINES = 60  # how many first lines of a step's output are shown; the file in the record has more
TAIL_LINES = 15  # how many last lines


class OutputView:
    """Shows the first lines of a job's output as they come, and the last lines at the end.

    `begun` is how many commands of the step have begun, `dropped` how many bytes of the output are not kept. The beginning and the
    end of the output are kept, about KEEP bytes of each. Secrets are hidden here, for the screen and for the record.
    """

    def __init__(self, step: Step, job: str, console: Console, redactor: Redactor) -> None:
        self._step = step
        self._job = job
        self._console = console
        self._redactor = redactor
        self._clean = redactor.stream()
        self._head: list[str] = []
        self._head_size = 0
        # The lines after the beginning, each with its dropped bytes and whether it was inside a private key. Secrets are not hidden in
        # them yet: that is done once, at the end, for those that are still here.
        self._tail: deque[tuple[str, int, bool]] = deque()
        self._tail_size = 0
        self._lines = 0
        self.begun = 0
        self.dropped = 0

    def command(self, number: int) -> None:
        self.begun = number + 1
        self._console.line(f"$ {self._step.script[number].brief()}")

    def line(self, text: str, dropped: int) -> None:
        self._lines += 1
        self.dropped += dropped
        if self._head_size < KEEP and not self._tail:
            cleaned = _shortened(self._clean.line(text), dropped)
            if cleaned is not None:
                self._head.append(cleaned)
                self._head_size += len(cleaned) + 1
                if len(self._head) <= SHOWN_LINES:
                    self._console.line(f"  {cleaned}")
            return
        self._tail.append((text, dropped, self._clean.in_key))
        self._clean.skip(text)
        self._tail_size += len(text) + 1
        while self._tail_size > KEEP and len(self._tail) > 1:
            gone, _, _ = self._tail.popleft()
            self._tail_size -= len(gone) + 1
            self.dropped += len(gone) + 1

    def end(self) -> str:
        """Show the last lines. Returns all that is kept of the output."""
        stream = self._redactor.stream(in_key=self._tail[0][2] if self._tail else False)
        cleaned = (_shortened(stream.line(text), dropped) for text, dropped, _ in self._tail)
        tail = [line for line in cleaned if line is not None]
        gap = [f"… {self.dropped:,} bytes of output are not kept …"] if self.dropped else []
        last = [*self._head[SHOWN_LINES:], *tail][-TAIL_LINES:]
        hidden = self._lines - min(len(self._head), SHOWN_LINES) - len(last)
        if hidden > 0:
            self._console.line(f"  … {hidden:,} lines are not shown; output/{self._job}.txt of the record has the beginning and the end …")
        for text in last:
            self._console.line(f"  {text}")
        return "".join(f"{line}\n" for line in (*self._head, *gap, *tail))


def _shortened(cleaned: str | None, dropped: int) -> str | None:
    """A line, cut to the greatest length allowed; a note says how much is missing. `dropped` bytes of it were dropped before."""
    if cleaned is None:
        return None
    rest = dropped + max(0, len(cleaned) - LONGEST)
    return cleaned[:LONGEST] + (f" … {rest:,} more bytes of this line" if rest else "")
