"""A papermill engine that notes the true status of every cell, and saves the notebook after each cell, completely or not at all.

The stock engine marks cells as completed that never ran, if the run ends by anything other than an error in a cell (papermill 2.7,
`NotebookExecutionManager.notebook_complete`). It also overwrites its output in place, and takes a second to start a kernel.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat

from rollback_lib.headless.lean_papermill import NotebookExecutionManager, PapermillEngine, papermill_engines
from rollback_lib.headless.outputs import Outputs
from rollback_lib.headless.process import CellProcess
from rollback_lib.record.files import write_private

NAME = "rollback"


class Engine(PapermillEngine):  # type: ignore[misc]
    """The engine. Its options: `record` is the file in which the notebook is kept, `process` the process that runs the cells, and
    `on_interrupt` is called when a signal interrupts a cell."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: NotebookExecutionManager, kernel_name: str, **options: Any) -> None:
        record: Path = options["record"]
        try:
            _run(nb_man, record, options["process"], options["on_interrupt"])
        finally:
            write_private(record, nbformat.writes(nb_man.nb))


def _run(nb_man: NotebookExecutionManager, record: Path, process: CellProcess, on_interrupt: Callable[[], None]) -> None:
    """Run the cells in order, up to the first that fails. The cell in which the run ends is marked as failed; those after it stay pending.

    Raises KeyboardInterrupt if a signal ends the run between two cells, TimeoutError if a cell does not end then, Ended."""
    outputs = Outputs(nb_man.nb)
    process.ready()
    for index, cell in enumerate(nb_man.nb.cells):
        if cell.cell_type != "code":
            cell.metadata.papermill["status"] = nb_man.COMPLETED
            continue
        process.check()
        nb_man.cell_start(cell, index)
        _save(nb_man, record, sync=False)
        ok = False
        try:
            ok = process.run(index, cell.source, outputs.take, on_interrupt)
        finally:
            outputs.settle()
            if not ok:
                nb_man.cell_exception(cell, index)
            nb_man.cell_complete(cell, index)
            _save(nb_man, record)
        if not ok:
            return


def _save(nb_man: NotebookExecutionManager, record: Path, *, sync: bool = True) -> None:
    # Compact JSON during the run, since the readable layout takes ten times as long. The readable file is written at the end.
    write_private(record, json.dumps(nb_man.nb), sync=sync)


papermill_engines.register(NAME, Engine)
