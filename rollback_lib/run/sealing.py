"""The end of a record: its report, the draft of a post-mortem, and the seal."""

import atexit
import threading
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from rollback_lib.archive import background
from rollback_lib.errors import Refused
from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.record.folder import Folder
from rollback_lib.record.manifest import NotExtended, NotSigned
from rollback_lib.record.manifest import seal as seal_files
from rollback_lib.record.milestones import milestones
from rollback_lib.record.verdict import Verdict
from rollback_lib.report import page, postmortem, summary
from rollback_lib.run.notebook_copy import Saved
from rollback_lib.runbook import working_copy


def seal(folder: Folder, root: Path, awaits: Collection[str] = ()) -> None:
    """Write report.html and postmortem.md, then seal all files. `awaits` names files that a later seal may add.

    If a page cannot be made, an event says so and the record is sealed all the same. If the signature cannot be made, an event says
    so, the record is sealed without it, and NotSigned is raised. Raises NotExtended if the record could not be sealed. If there is an
    archive, a process of its own begins to send the record there.
    """
    record, events = folder.record(), folder.events()
    if record:  # the last events may be newer than the record; make its figures agree with the pages
        record |= summary.outages(events).data() | milestones(events)
        folder.write_record(record)
    looked = Verdict(record["verdict"]).looked if record else False
    pages = [("report.html", page.html)] + ([] if looked else [("postmortem.md", postmortem.markdown)])
    for name, make in pages:
        try:
            folder.write(name, make(record, events, folder.path))
        except Exception as error:
            folder.event("report-failed", file=name, error=f"{type(error).__name__}: {error}")
    try:
        seal_files(folder.path, root, record, awaits=awaits)
    except NotSigned as error:
        folder.event("not-signed", error=str(error))
        seal_files(folder.path, root, record, awaits=awaits, sign=False)  # seals the event above as well
        raise
    finally:
        background.start(root, folder.path)


class Seal:
    """Seals the record of a run in JupyterLab or under plain papermill, where no runner does it.

    The record is sealed when the incident is closed, or else when the kernel ends. After that this process writes nothing more to it,
    with one exception: JupyterLab saves the output of the closing cell only after that cell has ended, so the notebook is added to the
    seal later. That happens once the saved notebook shows all output, or else when the kernel ends.
    """

    def __init__(self, folder: Folder, root: Path) -> None:
        self._folder = folder
        self._root = root
        self._notebook = Saved(working_copy.session(), folder)
        self._runs = folder.runs
        self._lock = threading.Lock()
        self._done = False
        atexit.register(self._end)

    def check_open(self) -> None:
        """Raises Refused if the record is closed, or another run has resumed the incident."""
        self._folder.check_open()
        if self._folder.runs != self._runs:
            raise Refused(f"another run has resumed {self._folder.id} since; look at what came of it: {self._folder.path}")

    def close(self) -> None:
        """Seal the record. If the signature cannot be made, an event says so; the run goes on."""
        with self._lock:
            with suppress(NotSigned, NotExtended):
                seal(self._folder, self._root, self._notebook.files)
            self._folder.closed, self._done = True, not self._notebook.files
        self._notebook.when_whole(self._end)

    def _end(self) -> None:
        """Add the notebook, and seal the record if it is not sealed yet. Does nothing if another run has resumed the incident."""
        with self._lock:
            if self._done or self._folder.runs != self._runs:
                return
            self._done = True
            with suppress(NotSigned, NotExtended):
                if self._folder.closed:
                    self._add()
                else:
                    self._notebook.keep()
                    seal(self._folder, self._root)

    def _add(self) -> None:
        record = self._folder.record()
        Chain(self._root).enter(OPENED, self._folder.path, record)
        self._notebook.keep()
        try:
            seal_files(self._folder.path, self._root, record)
        except NotSigned:
            seal_files(self._folder.path, self._root, record, sign=False)
        background.start(self._root, self._folder.path)
