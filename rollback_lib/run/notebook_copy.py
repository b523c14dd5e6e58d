"""The notebook of a run in JupyterLab, as JupyterLab saved it last, kept in the record of the run."""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rollback_lib.record.folder import Folder
from rollback_lib.runbook import working_copy

LOOK = 0.5  # seconds between looks at whether it was saved
THREAD = "saved"


class Saved:
    """A notebook that is open in JupyterLab; none under plain papermill, where there is nothing to keep."""

    def __init__(self, notebook: Path | None, folder: Folder) -> None:
        self._notebook = notebook if notebook and notebook.is_file() else None
        self._folder = folder
        self._kept = folder.next_notebook()

    @property
    def files(self) -> tuple[str, ...]:
        """The names in the record of the notebook and of its page; none where there is nothing to keep."""
        return (self._kept.name, self._kept.with_suffix(".html").name) if self._notebook else ()

    def keep(self) -> None:
        """Write it to the record, and a page of it. That it cannot be read or shown must not keep the record from being sealed."""
        if self._notebook is None:
            return
        from rollback_lib.report.notebook import html

        with suppress(Exception):
            self._folder.write(self._kept.name, self._notebook.read_text())
            self._folder.write(self._kept.with_suffix(".html").name, html(self._kept, self._folder.record()))

    def when_whole(self, then: Callable[[], None]) -> None:
        """Call `then` once the cell that runs now has been saved with all it shows; not any more when this process ends first."""
        if self._notebook is not None:
            threading.Thread(target=_wait, args=(self._notebook, _count(), then), name=THREAD, daemon=True).start()


def _wait(notebook: Path, last: int, then: Callable[[], None]) -> None:
    while not working_copy.shows(notebook, last):
        time.sleep(LOOK)
    then()


def _count() -> int:
    """The number of the cell that runs in this kernel: that of its inputs, the first of which IPython leaves empty."""
    get = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get() if get else None
    return len(shell.user_ns["In"]) - 1 if shell else 0
