"""Fetches a record from an archive into the folder of this machine's records, and enters it in the chain here. So a run is undone or
resumed on a machine that did not begin it."""

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from rollback_lib.archive import audit, bundle, sending
from rollback_lib.archive.bundle import NoBundle
from rollback_lib.archive.errors import NotArchived
from rollback_lib.archive.ledger import Ledger
from rollback_lib.archive.reading import Archive
from rollback_lib.record.chain import FETCHED, Chain
from rollback_lib.record.folder import who
from rollback_lib.record.log import AFTER


def fetch(archive: Archive, incident: str, root: Path) -> Path:
    """Fetch the record `incident`, as it was sealed last, into `root`, with its place and its lines of the chain. Returns its folder. A
    record that is in the chain of `root` already stays as it is.

    Raises ParameterError if the archive has no such record, NotArchived if it is not what was sealed, and Unusable.
    """
    one, place = archive.bundle_at(archive.place_of(incident))
    with sending.alone(root), tempfile.TemporaryDirectory(prefix=".fetch-", dir=root) as made:
        part = Path(made) / "record"
        try:
            entry = bundle.unpack(archive.store.get(one), part)
        except NoBundle as wrong:
            raise NotArchived(f"{one.key} of {archive.address} is no bundle ({wrong}); see `rollback incidents verify --archive`") from None
        if faults := audit.of_record(part, place, entry):
            raise NotArchived(
                f"{incident} is not fetched, since it is not what was sealed: {faults[0]}; see `rollback incidents verify --archive`"
            )
        folder, chain = root / entry.folder, Chain(root)
        if chain.of(folder):
            return folder
        shutil.rmtree(folder, ignore_errors=True)  # an earlier process was killed before it had entered it
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        Ledger(root).note(archive.address, entry, one)  # so that it is not sent again, unless it is sealed again
        part.rename(folder)
        fetched = {"writer": entry.writer, "by": who(), FETCHED: datetime.now(UTC).isoformat()}  # so that no two chains begin alike
        for line in entry.chained:
            chain.log.append({**{name: value for name, value in line.items() if name != AFTER}, **fetched})
    return folder
