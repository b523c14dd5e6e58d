"""The end of a record: its report, the draft of a post-mortem, and the seal."""

from pathlib import Path

from rollback_lib.record.folder import Folder
from rollback_lib.record.manifest import NotSigned
from rollback_lib.record.manifest import seal as seal_files
from rollback_lib.report import page, postmortem


def seal(folder: Folder, root: Path) -> None:
    """Write report.html and postmortem.md, and seal all there is. A page that cannot be made must not hide how a run ended,
    nor keep it from being sealed: that, and a signature that cannot be made, are noted in the events."""
    record, events = folder.record(), folder.events()
    for name, make in (("report.html", page.html), ("postmortem.md", postmortem.markdown)):
        try:
            folder.write(name, make(record, events, folder.path))
        except Exception as error:
            folder.event("report-failed", file=name, error=f"{type(error).__name__}: {error}")
    try:
        seal_files(folder.path, root, record)
    except NotSigned as error:
        folder.event("not-signed", error=str(error))
        seal_files(folder.path, root, record, sign=False)  # with the note
        raise
