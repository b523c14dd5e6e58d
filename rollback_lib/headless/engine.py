"""A papermill engine that tells the truth about every cell, and saves after each one as a whole.

The stock engine marks cells that never ran as completed when the run ends by anything but an error in a cell
(papermill 2.7, `NotebookExecutionManager.notebook_complete`), and writes its output in place.
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
INTERRUPT_SECONDS = 30.0  # for ending a job on the host and removing what was made beside the stack
ANSWER_SECONDS = 1.0  # until the answer of a kernel that is idle again has come


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    def __init__(
        self, nb_man: NotebookExecutionManager, *, record: Path, signals: Signals, interrupt: Callable[[], None], **options: Any
    ) -> None:  # fmt: skip
        super().__init__(nb_man, **options)
        self._record = record
        self._signals = signals
        self._interrupt = interrupt
        self._begun, self._idle = asyncio.Event(), asyncio.Event()  # how far the kernel is with the cell

    def start_new_kernel_client(self) -> Any:
        """As nbclient does, unless the run is told to end meanwhile. Raises KeyboardInterrupt."""
        start = run_sync(self._until_told)(self.async_start_new_kernel_client())
        self._signals.check()
        return start.result()

    def papermill_execute_cells(self) -> None:
        """Each cell in turn; the one in which the run ends is failed, those after it stay pending. Raises KeyboardInterrupt where
        it is told to end between two of them."""
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
        """Run a cell to its end. When the run is told to end, it is interrupted, and has INTERRUPT_SECONDS to end in order."""
        self._begun.clear()
        self._idle.clear()
        work = await self._until_told(self.async_execute_cell(cell, index))
        if not work.done():
            # The kernel ignores an interrupt that comes before it has begun; just after that, it lets the cell be and gives no answer.
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
        """Do this until it has ended, or the run is told to end."""
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
        # Compact during the run: the layout that people can read takes ten times as long, and comes at the end.
        write_private(self._record, json.dumps(self.nb), sync=sync)


async def _first(task: "asyncio.Task[Any]", event: Coroutine[Any, Any, Any], most: float | None = None) -> None:
    """Wait until the task has ended or the event has come, `most` seconds if that is given."""
    waiting = asyncio.ensure_future(event)
    await asyncio.wait({task, waiting}, timeout=most, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


class Engine(NBClientEngine):  # type: ignore[misc]
    """`record` is the file the notebook is kept in; `km` a kernel that is already starting; `interrupt` interrupts its cell."""

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
