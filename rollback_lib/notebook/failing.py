"""How an error is shown: first in words, what failed, what state the host is in, what to do next; the traceback folded away."""

import traceback as python
from collections.abc import Callable

from rollback_lib.errors import ParameterError, RollbackError
from rollback_lib.notebook import display
from rollback_lib.notebook.hiding import clean
from rollback_lib.notebook.view import View, code, stack, table

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
            display.show(view(error, rows(error)))
        return [sentence]

    set_handler((Exception, KeyboardInterrupt), handle)


def view(error: BaseException, rows: list[tuple[str, str]]) -> View:
    """The state of the host, what to do next, and, of an error that is not of our own making, where it came from."""
    shown = table(("", ""), rows)
    if isinstance(error, _OURS):
        return shown
    where = clean("".join(python.format_exception(error)))
    return stack(shown, code(where, title="Traceback, for who mends the runbook", folded=True))


def _words(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return clean(str(error) or "stopped by you")
    return clean(str(error)) if isinstance(error, RollbackError) else f"{clean(str(error))}; this is a fault of the runbook or of this cell"
