"""A papermill engine that notes the true status of every cell, and saves the notebook after each cell, completely or not at all.

The stock engine marks cells as completed that never ran, if the run ends by anything other than an error in a cell (papermill 2.7,
`NotebookExecutionManager.notebook_complete`). It also overwrites its output in place.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import nbformat
from jupyter_core.utils import run_sync
from nbclient.exceptions import CellExecutionError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.log import logger

from rollback_lib.headless.signals import Signals
from rollback_lib.record.files import write_private
from rollback_lib.text import times

NAME = "rollback"
INTERRUPT_SECONDS = 30.0  # how long an interrupted cell may take to end its job on the host and to clean up
ANSWER_SECONDS = 1.0  # how long to wait for the answer of a kernel that is idle again


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    def __init__(
        self, nb_man: NotebookExecutionManager, *, record: Path, signals: Signals, interrupt: Callable[[], None], **options: Any
    ) -> None:  # fmt: skip
        super().__init__(nb_man, **options)
        self._record = record
        self._signals = signals
        self._interrupt = interrupt
        self._begun, self._idle = asyncio.Event(), asyncio.Event()  # whether the kernel has begun the cell, and is idle again

    def start_new_kernel_client(self) -> Any:
        """Start the kernel client as nbclient does. Raises KeyboardInterrupt if a signal ends the run meanwhile."""
        start = run_sync(self._until_told)(self.async_start_new_kernel_client())
        self._signals.check()
        return start.result()

    def papermill_execute_cells(self) -> None:
        """Run the cells in order. The cell in which the run ends is marked as failed; those after it stay pending. Raises
        KeyboardInterrupt if a signal ends the run between two cells."""
        for index, cell in enumerate(self.nb.cells):
            if cell.cell_type != "code":
                cell.metadata.papermill["status"] = self.nb_man.COMPLETED
                continue
            self._signals.check()
            self.nb_man.cell_start(cell, index)
            self._save(sync=False)
            try:
                run_sync(self._follow)(cell, index)
            except BaseException as error:
                self.nb_man.cell_exception(cell, index, exception=error)
                self.nb_man.cell_complete(cell, index)
                if not isinstance(error, CellExecutionError):
                    raise
                break
            finally:
                self._save()
            self.nb_man.cell_complete(cell, index)

    async def _follow(self, cell: Any, index: int) -> None:
        """Run a cell to its end. If a signal ends the run, interrupt the cell; it then has INTERRUPT_SECONDS to clean up. Raises
        TimeoutError if it takes longer."""
        self._begun.clear()
        self._idle.clear()
        work = await self._until_told(self.async_execute_cell(cell, index))
        if not work.done():
            # The kernel ignores an interrupt before it has begun the cell. Right after that it stops the cell without an answer.
            await _first(work, self._begun.wait(), INTERRUPT_SECONDS)
            self._interrupt()
            await _first(work, self._idle.wait(), INTERRUPT_SECONDS)
            await asyncio.wait({work}, timeout=ANSWER_SECONDS)
        if not work.done():
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            how = "gave no answer" if self._idle.is_set() else f"had not ended after {times.given(INTERRUPT_SECONDS)}"
            raise TimeoutError(f"the cell was interrupted, and {how}")
        work.result()

    async def _until_told(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Start `work`, and wait until it has ended or a signal has come. Returns its task, which may still be running."""
        task = asyncio.ensure_future(work)
        await _first(task, self._signals.coming())
        return task

    def process_message(self, message: dict[str, Any], cell: Any, index: int) -> Any:
        if message["msg_type"] == "execute_input":
            self._begun.set()
        elif message["content"].get("execution_state") == "idle":
            self._idle.set()
        return super().process_message(message, cell, index)

    def _save(self, *, sync: bool = True) -> None:
        # Compact JSON during the run, since the readable layout takes ten times as long. The readable file is written at the end.
        write_private(self._record, json.dumps(self.nb), sync=sync)


async def _first(task: "asyncio.Task[Any]", event: Coroutine[Any, Any, Any], most: float | None = None) -> None:
    """Wait until the task or the event has ended, at most `most` seconds if given."""
    waiting = asyncio.ensure_future(event)
    await asyncio.wait({task, waiting}, timeout=most, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


class Engine(NBClientEngine):  # type: ignore[misc]
    """The engine. Its options: `record` is the file in which the notebook is kept, `km` the manager of a kernel that is already starting,
    `signals` notes signals that end the run, and `interrupt` interrupts the running cell."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: NotebookExecutionManager, kernel_name: str, **options: Any) -> None:
        record, manager, timeout = options["record"], options["km"], options["start_timeout"]
        client = _Client(
            nb_man,
            record=record,
            signals=options["signals"],
            interrupt=options["interrupt"],
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
