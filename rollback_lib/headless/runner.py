"""One headless run: the notebook runs under papermill, and its record is completed however the run ends."""

import importlib
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollback_lib.headless.process import CellProcess
from rollback_lib.headless.signals import Signals
from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.record.folder import Folder, who
from rollback_lib.record.manifest import NotExtended, NotSigned
from rollback_lib.record.state import RESUMED, RunState
from rollback_lib.record.verdict import NOT_ENDED, Verdict
from rollback_lib.runbook import metadata
from rollback_lib.settings import FORMATS, import_less

# Imported while the cells run: to run the notebook, and for the pages and the seal of the record.
LATER = ("rollback_lib.headless.lean_papermill", "rollback_lib.headless.engine", "rollback_lib.report.notebook", "rollback_lib.run.sealing")
RESUME = "resume"  # the notebook that resumes an incident of any procedure
Watch = Callable[[Path], AbstractContextManager[object]]  # shows a run, by the folder of its record, as long as it is entered


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `seconds` is the time of the whole run, record included. `budget` is in seconds, None if the run was
    not opened."""

    verdict: Verdict
    reason: str
    folder: Path
    seconds: float
    budget: float | None


def run(procedure: str, parameters: Mapping[str, Any], *, root: Path, watch: Watch = nullcontext) -> Outcome:
    """Run a procedure's notebook. Raises ParameterError if a parameter is refused, before anything is contacted and with no record made."""
    started = time.monotonic()
    with Signals() as signals:
        folder = Folder.create(procedure, root)
        process = CellProcess(folder.path, signals, procedure, parameters)
        _load_ahead()
        try:
            process.checked()
        except BaseException:
            process.kill()
            folder.discard()
            raise
        with watch(folder.path):
            kept = _run(procedure, parameters, folder, process, signals)
        return _outcome(folder, kept, root, started)


def resume(path: Path, parameters: Mapping[str, Any], *, root: Path, watch: Watch = nullcontext) -> Outcome:
    """Resume the incident in the folder `path`, which has been found to be one that can be resumed."""
    started = time.monotonic()
    with Signals() as signals:
        folder, process = Folder(path), CellProcess(path, signals)
        _load_ahead()
        folder.event(RESUMED, who=who(), process=os.getpid())  # a record that may be sealed can be written to only after this event
        Chain(root).enter(OPENED, path, {**folder.record(), "verdict": Verdict.UNKNOWN, "reason": NOT_ENDED, "who": who()})
        with watch(path):
            kept = _run(RESUME, parameters, folder, process, signals)
        return _outcome(folder, kept, root, started)


def _load_ahead() -> None:
    """Import what the run and the end of its record need in a thread, while this process would only wait for the other."""
    import_less(*FORMATS)
    threading.Thread(target=lambda: [importlib.import_module(name) for name in LATER], daemon=True).start()


def _run(procedure: str, parameters: Mapping[str, Any], folder: Folder, process: CellProcess, signals: Signals) -> Path | None:
    """Run the notebook. Returns the executed notebook; None if another run has resumed the incident since and will seal the record."""
    source = metadata.notebook(procedure)
    assert source is not None
    kept, runs = folder.next_notebook(), max(folder.runs, 1)
    try:
        _execute(source, kept, folder, parameters, process, signals)
    finally:
        process.kill()
    if folder.runs > runs:
        return None
    _settle(folder)
    return kept


def _outcome(folder: Folder, kept: Path | None, root: Path, started: float) -> Outcome:
    """Seal the record, and return how the run ended."""
    if kept:
        _page(kept, folder)
        _seal(folder, root)
    record = folder.record()
    return Outcome(Verdict(record["verdict"]), record["reason"], folder.path, time.monotonic() - started, record.get("budget"))


def _execute(source: Path, kept: Path, folder: Folder, parameters: Mapping[str, Any], process: CellProcess, signals: Signals) -> None:
    from papermill.exceptions import PapermillExecutionError

    from rollback_lib.headless import engine
    from rollback_lib.headless.lean_papermill import papermill

    try:
        papermill.execute_notebook(
            source, None, parameters=dict(parameters), engine_name=engine.NAME, progress_bar=False, record=kept, process=process,
            on_interrupt=lambda: folder.event("run-cut-short", by=signals.came, error=""),
        )  # fmt: skip
    except PapermillExecutionError as error:
        folder.event("cell-failed", cell=error.exec_count, type=error.ename, error=error.evalue)
    except (KeyboardInterrupt, Exception) as error:  # such as a signal between two cells, or a process that was killed
        folder.event("run-cut-short", by=signals.came or type(error).__name__, error=str(error))


def _settle(folder: Folder) -> None:
    """Give a verdict to a run that ended without one: ABORTED if no step had begun, else UNKNOWN."""
    record = folder.record()
    if record and record.get("reason") != NOT_ENDED:
        return
    state = RunState.of(folder.events())
    begun = list(state.begun)
    failed = next((event["error"] for event in reversed(folder.events()) if event["event"] in ("cell-failed", "run-cut-short")), "")
    verdict = Verdict.UNKNOWN if begun else Verdict.ABORTED
    where = f"after step {begun[-1]}" if begun else "before any step"
    if state.unheard:
        where = f"in step {state.unheard[-1].step}; it may be half done"
    known = f"the run ended {where}" + (f": `rollback resume {folder.id}` finds out, and continues" if begun else "")
    folder.event("verdict", verdict=verdict, reason=known)
    folder.write_record({**record, "verdict": verdict, "status": verdict.status, "reason": f"{known} ({failed})" if failed else known})


def _page(kept: Path, folder: Folder) -> None:
    """Write the executed notebook as an HTML page beside it."""
    from rollback_lib.report.notebook import html

    try:
        folder.write(kept.with_suffix(".html").name, html(kept, folder.record()))
    except Exception as error:  # a page that cannot be made must not hide how the run ended
        folder.event("report-failed", file=kept.name, error=f"{type(error).__name__}: {error}")


def _seal(folder: Folder, root: Path) -> None:
    from rollback_lib.archive import background
    from rollback_lib.run.sealing import seal

    if waiting := background.failure(root):
        print(f"rollback: {waiting}; `rollback incidents archive` sends them", file=sys.stderr)
    try:
        seal(folder, root)
    except (NotSigned, NotExtended) as error:
        print(f"rollback: {error}", file=sys.stderr)
