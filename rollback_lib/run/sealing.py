"""The end of a record: its report, the draft of a post-mortem, and the seal."""

import atexit
import threading
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from rollback_lib.errors import Refused
from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.record.folder import Folder
from rollback_lib.record.manifest import NotExtended, NotSigned
from rollback_lib.record.manifest import seal as seal_files
from rollback_lib.record.verdict import Verdict
from rollback_lib.report import page, postmortem, summary
from rollback_lib.run.notebook_copy import Saved
from rollback_lib.runbook import working_copy


def seal(folder: Folder, root: Path, awaits: Collection[str] = ()) -> None:
    """Write report.html and postmortem.md, and seal all there is; `awaits` are files that a later seal may add. A page that cannot be
    made must not hide how a run ended, nor keep it from being sealed: that, and a signature that cannot be made, are noted in the
    events. Raises NotSigned once it is sealed without a signature, NotExtended where it is not sealed."""
    record, events = folder.record(), folder.events()
    if record:  # it may have been written before the last probes were noted; its outage is that of the pages
        record |= summary.outages(events).data()
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
        seal_files(folder.path, root, record, awaits=awaits, sign=False)  # with the note
        raise


class Seal:
    """The seal of a run in JupyterLab or under plain papermill, where no runner comes after it: set when the incident is
    closed, or else when its kernel ends. From then on this process writes nothing more to the record.

    In JupyterLab what the closing cell shows is saved only after it has ended. So the seal awaits the notebook, which is added as
    JupyterLab saved it last: when it shows all that was run, or else when the kernel ends.
    """

    def __init__(self, folder: Folder, root: Path) -> None:
        self._folder = folder
        self._root = root
        self._notebook = Saved(working_copy.session(), folder)
        self._runs = folder.runs
        self._one = threading.Lock()
        self._done = False
        atexit.register(self._end)

    def check_open(self) -> None:
        """Raises Refused once it is closed, or where another run has resumed the incident."""
        self._folder.check_open()
        if self._folder.runs != self._runs:
            raise Refused(f"another run has resumed {self._folder.id} since; look at what came of it: {self._folder.path}")

    def close(self) -> None:
        """Seal it. A signature that cannot be made is noted in the record, and does not stop the run."""
        with self._one:
            with suppress(NotSigned, NotExtended):
                seal(self._folder, self._root, self._notebook.files)
            self._folder.closed, self._done = True, not self._notebook.files
        self._notebook.when_whole(self._end)

    def _end(self) -> None:
        """Add the notebook, and seal what is not sealed yet; not where another run has resumed the incident."""
        with self._one:
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
