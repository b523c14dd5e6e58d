"""Shows views and live lines in the notebook that is running, or on a terminal."""

import sys

from rollback_lib.errors import RollbackError
from rollback_lib.notebook.view import View
from rollback_lib.record.redaction import clean


def _shell() -> object | None:
    get = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get() if get else None


def show(view: View) -> None:
    """Display a view as an output of the running cell."""
    if _shell() is None:
        print(view)
        return
    from IPython.display import display

    display(view)


def line(text: str) -> None:
    """One line of live output, freed of secrets and of what acts on a terminal."""
    print(clean(text), flush=True)


def interactive() -> bool:
    """Whether a person sits before the notebook: JupyterLab lets a cell ask questions, papermill does not."""
    return bool(getattr(getattr(_shell(), "kernel", None), "_allow_stdin", False))


def errors_as_sentences() -> None:
    """Show our own errors as the sentence they are, without a traceback; other errors keep theirs."""
    shell = _shell()
    set_handler = getattr(shell, "set_custom_exc", None)
    if set_handler:
        set_handler((RollbackError,), _show_error)


def _show_error(shell: object, kind: type, error: BaseException, traceback: object, tb_offset: object = None) -> list[str]:
    sentence = f"\x1b[1;31m{kind.__name__}\x1b[0m: {clean(str(error))}"
    shell._showtraceback(kind, error, [sentence])  # type: ignore[attr-defined]
    return [sentence]
