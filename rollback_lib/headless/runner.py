"""One headless run: the notebook under papermill, its record completed however the run ends."""

import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollback_lib.headless.kernel import Kernel
from rollback_lib.paths import PROJECT
from rollback_lib.record.folder import Folder
from rollback_lib.record.verdict import Verdict

NOTEBOOKS = PROJECT / "notebooks"
INTERRUPT_SECONDS = 10.0


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `seconds` are those of the whole run, kernel and record included."""

    verdict: Verdict
    reason: str
    folder: Path
    seconds: float
    budget: float | None


def notebook(procedure: str) -> Path | None:
    """The notebook of a procedure: its file's name without number and ending."""
    found = sorted(NOTEBOOKS.glob(f"[0-9][0-9]_{procedure}.ipynb"))
    return found[0] if found else None


def run(procedure: str, parameters: Mapping[str, Any], *, root: Path, check: Callable[[], None]) -> Outcome:
    """Run a procedure's notebook. `check` refuses bad parameters; it runs while the kernel starts, before anything else.

    Raises what `check` raises, with no record made.
    """
    started = time.monotonic()
    source = notebook(procedure)
    assert source is not None
    folder = Folder.create(procedure, root)
    kernel = Kernel(folder.path)
    try:
        check()
    except BaseException:
        kernel.kill()
        folder.discard()
        raise
    stop = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        _execute(source, folder, parameters, kernel)
    finally:
        signal.signal(signal.SIGTERM, stop)
        kernel.kill()
    _settle(folder)
    _report(folder)
    record = folder.record()
    return Outcome(Verdict(record["verdict"]), record["reason"], folder.path, time.monotonic() - started, record.get("budget"))


def _execute(source: Path, folder: Folder, parameters: Mapping[str, Any], kernel: Kernel) -> None:
    # rfc3987_syntax compiles a grammar at import, 0.9 s, for a check of addresses in JSON schemas that notebooks do not use.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import papermill
    from papermill.exceptions import PapermillExecutionError

    from rollback_lib.headless import engine

    try:
        papermill.execute_notebook(
            source, None, parameters=dict(parameters), engine_name=engine.NAME, progress_bar=sys.stderr.isatty(),
            cwd=str(PROJECT), record=folder.path / "notebook.ipynb", km=kernel.manager(),
        )  # fmt: skip
    except PapermillExecutionError as error:
        folder.event("cell-failed", cell=error.exec_count, type=error.ename, error=error.evalue)
    except (KeyboardInterrupt, Exception) as error:  # Ctrl-C, SIGTERM, a dead kernel: whatever it is, the record says so
        folder.event("run-cut-short", by=type(error).__name__, error=str(error))
        _interrupt(folder, kernel)


def _interrupt(folder: Folder, kernel: Kernel) -> None:
    """Tell the cell that runs to stop, and give its incident the time to say so in the record."""
    if kernel.process.poll() is not None:
        return
    kernel.process.send_signal(signal.SIGINT)
    until = time.monotonic() + INTERRUPT_SECONDS
    while _unended(folder) and time.monotonic() < until:
        time.sleep(0.05)


def _unended(folder: Folder) -> bool:
    return folder.record().get("reason") == "the run has not ended"


def _settle(folder: Folder) -> None:
    """A run that never said how it ended: aborted when no step had begun, else unknown."""
    record = folder.record()
    if record and not _unended(folder):
        return
    begun = [event["step"] for event in folder.events() if event["event"] == "step-begin"]
    failed = next((event["error"] for event in reversed(folder.events()) if event["event"] in ("cell-failed", "run-cut-short")), "")
    verdict = Verdict.UNKNOWN if begun else Verdict.ABORTED
    known = f"the run ended in step {begun[-1]}; what became of it is not known" if begun else "the run ended before any step"
    folder.event("verdict", verdict=verdict, reason=known)
    folder.write_record({**record, "verdict": verdict, "status": verdict.status, "reason": f"{known} ({failed})" if failed else known})


def _report(folder: Folder) -> None:
    """notebook.html beside the executed notebook, self-contained."""
    from rollback_lib.headless.report import html

    executed = folder.path / "notebook.ipynb"
    try:
        folder.write("notebook.html", html(executed, folder.record()))
    except Exception as error:  # a page that cannot be made must not hide how the run ended
        folder.event("report-failed", error=f"{type(error).__name__}: {error}")
