"""A papermill engine that tells the truth about every cell, and saves after each one as a whole.

The stock engine marks cells that never ran as completed when the run ends by anything but an error in a cell
(papermill 2.7, `NotebookExecutionManager.notebook_complete`), and writes its output in place.
"""

import json
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient.exceptions import CellExecutionError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.log import logger

from rollback_lib.record.files import write_private

NAME = "rollback"


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    def __init__(self, nb_man: NotebookExecutionManager, *, record: Path, **options: Any) -> None:
        super().__init__(nb_man, **options)
        self._record = record

    def papermill_execute_cells(self) -> None:
        """Each cell in turn; the one in which the run ends is failed, those after it stay pending."""
        for index, cell in enumerate(self.nb.cells):
            if cell.cell_type != "code":
                cell.metadata.papermill["status"] = self.nb_man.COMPLETED
                self._announce(cell.source)
                continue
            self.nb_man.cell_start(cell, index)
            self._save(sync=False)
            try:
                self.execute_cell(cell, index)
            except BaseException as error:
                self.nb_man.cell_exception(cell, index, exception=error)
                self.nb_man.cell_complete(cell, index)
                if not isinstance(error, CellExecutionError):
                    raise
                break
            finally:
                self._save()
            self.nb_man.cell_complete(cell, index)

    def _announce(self, prose: str) -> None:
        """Say on standard error which heading the run has come to: in papermill's bar on a terminal, else as a line."""
        heading = next((line.removeprefix("## ") for line in prose.splitlines() if line.startswith("## ")), None)
        if self.nb_man.pbar is not None:
            self.nb_man.pbar.update(1)
            if heading:
                self.nb_man.pbar.set_description(f"{heading:<20}")
        elif heading:
            print(heading, file=sys.stderr, flush=True)

    def _save(self, *, sync: bool = True) -> None:
        # Compact while the run goes on: the layout that people can read takes ten times as long, and comes at the end.
        write_private(self._record, json.dumps(self.nb), sync=sync)


class Engine(NBClientEngine):  # type: ignore[misc]
    """`record` is the file the notebook is kept in; `km` a kernel that is already starting."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: NotebookExecutionManager, kernel_name: str, **options: Any) -> None:
        record, manager, timeout = options["record"], options["km"], options["start_timeout"]
        client = _Client(
            nb_man,
            record=record,
            km=manager,
            kernel_name=kernel_name,
            startup_timeout=timeout,
            timeout=None,
            log=logger,
            coalesce_streams=True,
        )
        try:
            client.execute()
        finally:
            write_private(record, nbformat.writes(nb_man.nb))


papermill_engines.register(NAME, Engine)
