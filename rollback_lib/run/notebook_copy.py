"""The copy of its notebook that a run in JupyterLab keeps in its record: as JupyterLab saved it last, without its widgets."""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rollback_lib.record.folder import Folder
from rollback_lib.runbook import working_copy
from rollback_lib.runbook.still import still

LOOK = 0.5  # seconds between two looks at whether the notebook was saved
THREAD = "saved"


class Saved:
    """A notebook that is open in JupyterLab. Under plain papermill `notebook` is None, and there is nothing to keep."""

    def __init__(self, notebook: Path | None, folder: Folder) -> None:
        self._notebook = notebook if notebook and notebook.is_file() else None
        self._folder = folder
        self._kept = folder.next_notebook()

    @property
    def files(self) -> tuple[str, ...]:
        """The file names that the notebook and its HTML page get in the record; none if there is nothing to keep."""
        return (self._kept.name, self._kept.with_suffix(".html").name) if self._notebook else ()

    def keep(self) -> None:
        """Write the notebook and its HTML page to the record. An error here is ignored: it must not keep the record from being sealed."""
        if self._notebook is None:
            return
        from rollback_lib.report.notebook import html

        with suppress(Exception):
            self._folder.write(self._kept.name, still(self._notebook.read_text()))
            self._folder.write(self._kept.with_suffix(".html").name, html(self._kept, self._folder.record()))

    def when_whole(self, then: Callable[[], None]) -> None:
        """Call `then` once JupyterLab has saved the running cell with all its output. If this process ends first, it is not called."""
        if self._notebook is not None:
            threading.Thread(target=_wait, args=(self._notebook, _count(), then), name=THREAD, daemon=True).start()


def _wait(notebook: Path, last: int, then: Callable[[], None]) -> None:
    while not working_copy.shows(notebook, last):
        time.sleep(LOOK)
    then()


def _count() -> int:
    """The number of the running cell. IPython keeps a list of all inputs, whose first entry stays empty."""
    get = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get() if get else None
    return len(shell.user_ns["In"]) - 1 if shell else 0
