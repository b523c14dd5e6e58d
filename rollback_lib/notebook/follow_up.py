"""What can follow a record: working copies of the notebooks that resume its run or undo it."""

from collections.abc import Iterator
from pathlib import Path

from rollback_lib.errors import RollbackError
from rollback_lib.notebook import display
from rollback_lib.notebook.links import link
from rollback_lib.notebook.view import View
from rollback_lib.procedures.undo.origin import origin
from rollback_lib.record.folder import incidents_root
from rollback_lib.run import resume
from rollback_lib.runbook import metadata, working_copy


def onward(incident: str, folder: Path, place: Path) -> list[View]:
    """Links to working copies below `place`, in a folder named after the incident. None if it can be neither resumed nor undone."""
    given = {"incident": incident, "mode": "apply"}
    beside = working_copy.place(incidents_root())
    return [
        link(working_copy.unused(source, place / incident, given), words, otherwise=beside) for source, words in _fitting(incident, folder)
    ]


def lead_to_report(folder: Path) -> None:
    """In JupyterLab, a link to the report of a record that was closed. The record's own copy of the notebook has only its name."""
    report = folder / "report.html"
    if not display.interactive() or not report.exists():
        return
    import ipywidgets

    shown = ipywidgets.Output()
    shown.outputs = (display.output(link(report, "Open the report of this incident", otherwise=folder)),)
    display.show_widget(shown, View("The report is report.html in the record.", "The report is report.html in the record."))


def _fitting(incident: str, folder: Path) -> Iterator[tuple[Path, str]]:
    if _goes_on(folder):
        yield _notebook("resume"), "resume"
    if _goes_back(incident):
        yield _notebook("undo"), "undo"


def _notebook(procedure: str) -> Path:
    found = metadata.notebook(procedure)
    assert found is not None  # this package has both
    return found


def _goes_on(folder: Path) -> bool:
    try:
        resume.opening(folder, incidents_root())
    except (RollbackError, OSError, ValueError, KeyError):  # the record may also be unreadable
        return False
    return True


def _goes_back(incident: str) -> bool:
    """Whether the incident changed the stack, and no later run did."""
    try:
        return not origin(incident).since
    except (RollbackError, OSError, ValueError, KeyError):
        return False
