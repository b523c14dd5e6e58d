"""How an error is shown: first in words, what failed, what state the host is in, what to do next; the traceback folded away.

Whatever is raised, and by whom, its words leave the kernel free of secrets: in the cell, and in the kernel's reply to who ran it.
"""

import traceback as python
from collections.abc import Callable
from functools import partial
from typing import Any

from rollback_lib.errors import ParameterError, RollbackError
from rollback_lib.notebook import display
from rollback_lib.notebook.redaction import clean
from rollback_lib.notebook.view import View, code, note, stack, table
from rollback_lib.secrets import redactor

Rows = Callable[[BaseException], list[tuple[str, str]]]
_OURS = (RollbackError, KeyboardInterrupt)


def in_words(rows: Rows) -> None:
    """Show every error of a cell in words from now on; `rows` tells the state of the host and what to do next."""
    shell = display.shell()
    set_handler = getattr(shell, "set_custom_exc", None)
    if not set_handler:
        return

    def handle(shell: object, kind: type, error: BaseException, traceback: object, tb_offset: object = None) -> list[str]:
        sentence = f"\x1b[1;31m{kind.__name__}\x1b[0m: {_words(error)}"
        shell._showtraceback(kind, error, [sentence])  # type: ignore[attr-defined]
        # A bad parameter says all there is to say, and so does a question that was not answered yet.
        if not isinstance(error, ParameterError):
            display.show(_afterwards(error, rows))
        return [sentence]

    set_handler((BaseException,), handle)
    # All that IPython shows of an error by itself goes through this, a SystemExit and an error of a formatter as well.
    shell._showtraceback = partial(_show_free, partial(type(shell)._showtraceback, shell))
    shell.events.register("post_run_cell", _free_result)


def view(error: BaseException, rows: list[tuple[str, str]]) -> View:
    """The state of the host, what to do next, and, of an error that is not of our own making, where it came from."""
    shown = table(("", ""), rows)
    if isinstance(error, _OURS):
        return shown
    where = "".join(python.format_exception(error))
    return stack(shown, code(where, title="Traceback, for whoever fixes the runbook", folded=True))


def _afterwards(error: BaseException, rows: Rows) -> View:
    """The view; an error in the making of it would be shown by IPython together with the first, as both are."""
    try:
        return view(error, rows(error))
    except Exception as fault:
        return note("warn", f"The state of the host cannot be shown ({type(fault).__name__}); see the record.")


def _words(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return _said(error) or "stopped by you"
    return _said(error) if isinstance(error, RollbackError) else f"{_said(error)}; this is a fault of the runbook or of this cell"


def _said(error: BaseException) -> str:
    """What an error says, free of secrets."""
    try:
        return clean(str(error))
    except Exception as fault:
        return f"it cannot say what it is ({type(fault).__name__})"


def _free(error: BaseException) -> BaseException:
    """An error of the same name that says the same, free of secrets."""
    free: BaseException = type(type(error).__name__, (Exception,), {})(_said(error))
    return free


def _show_free(show: Callable[..., None], kind: type, error: BaseException, lines: list[str]) -> None:
    # A line that has nothing to hide keeps its colours.
    free = [line if clean(line) == redactor.without_controls(line) else clean(line) for line in lines]
    show(kind, _free(error), free)


def _free_result(result: Any) -> None:
    """What the kernel replies to who ran the cell is made of this."""
    for name in ("error_before_exec", "error_in_exec"):
        error = getattr(result, name, None)
        if error is not None:
            setattr(result, name, _free(error))
