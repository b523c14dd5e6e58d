"""The end of a record: its report, the draft of a post-mortem, and the seal."""

import atexit
import threading
from contextlib import suppress
from pathlib import Path

from rollback_lib.record import working
from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.record.folder import Folder
from rollback_lib.record.manifest import NotSigned
from rollback_lib.record.manifest import seal as seal_files
from rollback_lib.record.verdict import Verdict
from rollback_lib.report import facts, page, postmortem
from rollback_lib.saved import Saved


def seal(folder: Folder, root: Path) -> None:
    """Write report.html and postmortem.md, and seal all there is. A page that cannot be made must not hide how a run ended,
    nor keep it from being sealed: that, and a signature that cannot be made, are noted in the events."""
    record, events = folder.record(), folder.events()
    if record:  # it may have been written before the last probes were noted; its outage is that of the pages
        record |= facts.outages(events).data()
        folder.write_record(record)
    looked = Verdict(record["verdict"]).looked if record else False
    pages = [("report.html", page.html)] + ([] if looked else [("postmortem.md", postmortem.markdown)])
    for name, make in pages:
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


class Seal:
    """The seal of a run in JupyterLab or under plain papermill, where no runner comes after it: set when the incident is
    closed, or else when its kernel ends, and broken when it goes on after that.

    In JupyterLab the notebook is kept in the record as it was saved last. What the closing cell shows is saved only after it has
    ended: then the record is sealed anew.
    """

    def __init__(self, folder: Folder, root: Path) -> None:
        self._folder = folder
        self._root = root
        self._notebook = Saved(working.session(), folder)
        self._closed = False
        self._one = threading.RLock()
        atexit.register(self._late)

    def open(self) -> None:
        """The record is to be written to: in the chain it is open again."""
        with self._one:
            if self._closed:
                Chain(self._root).enter(OPENED, self._folder.path, self._folder.record())
                self._closed = False

    def close(self) -> None:
        """Seal it. A signature that cannot be made is noted in the record, and does not stop the run."""
        with self._one:
            self._set()
        self._notebook.when_whole(self._anew)

    def _set(self) -> None:
        self._notebook.keep()
        with suppress(NotSigned):
            seal(self._folder, self._root)
        self._closed = True

    def _anew(self) -> None:
        """The closing cell is saved by now."""
        with self._one:
            if self._closed and not self._notebook.whole:
                self.open()
                self._set()

    def _late(self) -> None:
        with self._one:
            if not (self._closed and self._notebook.whole):
                self.open()
                self._set()
