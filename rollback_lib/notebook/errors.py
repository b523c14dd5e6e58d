"""How errors are shown in a notebook: in words first, with the state of the host and what to do next; the traceback is folded away.

Secrets are hidden in the text of every error, whatever raised it: in the output of the cell, and in the kernel's reply to the client.
"""

import re
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
    """From now on, show every error of a cell in words. `rows` returns the state of the host and what to do next, for an error."""
    shell = display.shell()
    set_handler = getattr(shell, "set_custom_exc", None)
    if not set_handler:
        return

    def handle(shell: object, kind: type, error: BaseException, traceback: object, tb_offset: object = None) -> list[str]:
        sentence = f"\x1b[1;31m{kind.__name__}\x1b[0m: {_bold(_words(error))}"
        shell._showtraceback(kind, error, [sentence])  # type: ignore[attr-defined]
        # The message of a ParameterError is all that a person needs.
        if not isinstance(error, ParameterError):
            display.show(_afterwards(error, rows))
        return [sentence]

    set_handler((BaseException,), handle)
    # IPython shows every error through this method, also a SystemExit or an error in a formatter.
    shell._showtraceback = partial(_show_free, partial(type(shell)._showtraceback, shell))
    shell.events.register("post_run_cell", _free_result)


def view(error: BaseException, rows: list[tuple[str, str]]) -> View:
    """The state of the host and what to do next. For an error that this package does not raise on purpose, the traceback as well."""
    shown = table(("", ""), rows)
    if isinstance(error, _OURS):
        return shown
    where = "".join(python.format_exception(error))
    return stack(shown, code(where, title="Traceback, for whoever fixes the runbook", folded=True))


def _afterwards(error: BaseException, rows: Rows) -> View:
    """The view of an error. This never raises: IPython would show both errors, with secrets and all."""
    try:
        return view(error, rows(error))
    except Exception as fault:
        return note("warn", f"The state of the host cannot be shown ({type(fault).__name__}); see the record.")


def _words(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return _said(error) or "stopped by you"
    return _said(error) if isinstance(error, RollbackError) else f"{_said(error)}; this is a fault of the runbook or of this cell"


def _bold(text: str) -> str:
    """The text with what stands between backticks in bold, as the output of an error can show it."""
    return re.sub(r"`([^`]*)`", "\x1b[1m\\1\x1b[0m", text)


def _said(error: BaseException) -> str:
    """The message of an error, with secrets hidden."""
    try:
        return clean(str(error))
    except Exception as fault:
        return f"it cannot say what it is ({type(fault).__name__})"


def _free(error: BaseException) -> BaseException:
    """An error with the same name and the same message, with secrets hidden."""
    free: BaseException = type(type(error).__name__, (Exception,), {})(_said(error))
    return free


def _show_free(show: Callable[..., None], kind: type, error: BaseException, lines: list[str]) -> None:
    # A line without secrets keeps its colours.
    free = [line if clean(line) == redactor.without_controls(line) else clean(line) for line in lines]
    show(kind, _free(error), free)


def _free_result(result: Any) -> None:
    """Hide secrets in the result of a cell, from which the kernel makes its reply to the client."""
    for name in ("error_before_exec", "error_in_exec"):
        error = getattr(result, name, None)
        if error is not None:
            setattr(result, name, _free(error))
