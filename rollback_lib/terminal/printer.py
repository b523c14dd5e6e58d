"""Where lines go: plain into a log, or with colours to a terminal, above what goes on right now."""

import os
import sys
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING, Protocol, TextIO

from rollback_lib.secrets.redactor import clean
from rollback_lib.terminal.line import Line, Row, Tone, laid_out

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {
    Tone.PLAIN: "bold", Tone.RUNS: "bold cyan", Tone.GOOD: "green", Tone.WARN: "yellow", Tone.BAD: "bold red", Tone.QUIET: "dim",
    Tone.TITLE: "bold", Tone.CODE: "cyan", Tone.ADDED: "green", Tone.REMOVED: "red",
}  # fmt: skip
_WHOLE = (Tone.TITLE, Tone.CODE, Tone.ADDED, Tone.REMOVED)  # the text has the colour, too


class Printer(Protocol):
    """Shows lines."""

    def show(self, lines: Iterable[Line]) -> None: ...

    def now(self, lines: Sequence[str]) -> None:
        """Show what goes on, in place of what was shown of it before; nothing: take it away."""
        ...


def say(text: str, file: TextIO | None = None) -> None:
    """Print a text now. What reads it may have gone away, as in `rollback run … | head`: a run is not ended by that."""
    file = file or sys.stdout
    try:
        print(text, file=file, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())


class Plain:
    """Lines of text."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def show(self, lines: Iterable[Line]) -> None:
        for line in lines:
            for row in laid_out(line, None):
                say(str(row), self._file)

    def now(self, lines: Sequence[str]) -> None: ...


class Pretty:
    """A terminal, by Rich: in colours where they are wanted (https://no-color.org), wrapped between words."""

    def __init__(self, console: "Console") -> None:
        from rich.live import Live

        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)
        self._shown: Sequence[str] = ()

    def show(self, lines: Iterable[Line]) -> None:
        from rich.text import Text

        rows = [row for line in lines for row in laid_out(line, self._console.width)]
        if rows:  # all at once, so that the lines at the bottom are redrawn once
            shown = (Text.assemble((row.margin, "dim"), (row.lead, _STYLES[row.tone]), (row.text, _style(row))) for row in rows)
            self._console.print(Text("\n").join(shown), soft_wrap=True, highlight=False)

    def now(self, lines: Sequence[str]) -> None:
        from rich.text import Text

        if lines == self._shown:
            return
        if lines and not self._shown:
            self._live.start()
            self._console.show_cursor(True)  # it would stay hidden after a kill
        if lines:
            self._live.update(Text(clean("\n".join(lines)), no_wrap=True, overflow="ellipsis"), refresh=True)
        else:
            self._live.stop()
        self._shown = lines


def _style(row: Row) -> str:
    return _STYLES[row.tone] if row.tone in _WHOLE or (row.tone is Tone.QUIET and not row.lead) else ""


def fancy(file: TextIO) -> bool:
    """Whether it is a terminal that can show more than plain lines."""
    return file.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def printer() -> Printer:
    """The one that fits where standard output goes."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # signs, where only ASCII can be shown: words stand beside them
    if not fancy(sys.stdout):
        return Plain(sys.stdout)
    from rich.console import Console

    return Pretty(Console(color_system=None if os.environ.get("NO_COLOR") else "auto", highlight=False))
