"""Runs one step on the host: live for who watches, bounded for the notebook, and in the log of events."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from rollback_lib.command import script
from rollback_lib.host.connection import Connection, Result
from rollback_lib.host.stream import Lines
from rollback_lib.plan import Step
from rollback_lib.record.folder import Folder
from rollback_lib.record.redaction import clean

SHOWN_LINES = 60  # of a step's output in the notebook; the record's file has more
TAIL_LINES = 15


class Console(Protocol):
    """Where a run is watched: lines as they come, things to look at, and the gate for a person."""

    def line(self, text: str) -> None: ...
    def show(self, thing: object) -> None: ...
    def gate(self, word: str, said: str, on_confirmed: Callable[[], None]) -> bool:
        """Ask for `word` to be typed, saying what that lets happen; False where nobody can be asked."""
        ...


def run_step(step: Step, connection: Connection, folder: Folder, console: Console) -> Result:
    """Run the step's commands as one script, which stops at the first that fails; what they say is freed of secrets."""
    folder.event("step-begin", step=step.name, commands=[str(command) for command in step.commands])
    view = _View(step, console)
    lines = Lines(view.line, view.command)
    marked = "exec 2>&1\n" + script(step.commands, marked=True)
    result = connection.run(marked, deadline=step.deadline, on_output=lines.feed, send=step.send)
    lines.end()
    view.end()
    (folder.path / "output").mkdir(mode=0o700, exist_ok=True)
    folder.write(f"output/{step.name}.txt", clean(result.out))
    folder.event(
        "step-end", step=step.name, status=result.status, seconds=round(result.seconds, 3), begun=view.begun, of=len(step.commands),
        bytes_not_kept=result.dropped, last_lines=result.out.splitlines()[-TAIL_LINES:],
    )  # fmt: skip
    return result


class _View:
    """Shows the first lines as they come, and the last ones at the end; counts the commands that have begun."""

    def __init__(self, step: Step, console: Console) -> None:
        self._step = step
        self._console = console
        self._lines = 0
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.begun = 0

    def command(self, number: int) -> None:
        self.begun = number + 1
        self._console.line(f"$ {clean(str(self._step.commands[number]))}")

    def line(self, text: str) -> None:
        self._lines += 1
        if self._lines <= SHOWN_LINES:
            self._console.line(f"  {clean(text)}")
        else:
            self._tail.append(text)

    def end(self) -> None:
        hidden = self._lines - SHOWN_LINES - len(self._tail)
        if hidden > 0:
            self._console.line(
                f"  … {hidden:,} lines are not shown; output/{self._step.name}.txt of the record has the beginning and the end …"
            )
        for text in self._tail:
            self._console.line(f"  {clean(text)}")
