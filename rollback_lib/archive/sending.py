"""Sends sealed records to their archives. What is not in the ledger yet is the queue, so nothing has to be noted when a record is sealed,
and a process that was killed halfway has lost nothing.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from rollback_lib.archive import address, bundle, store
from rollback_lib.archive.bundle import Entry, NoBundle, Other, Place
from rollback_lib.archive.errors import NotArchived, Unusable
from rollback_lib.archive.ledger import Last, Ledger
from rollback_lib.archive.store import Store, Stored
from rollback_lib.errors import RollbackError
from rollback_lib.record.chain import SEALED, Chain
from rollback_lib.record.contents import STAMP
from rollback_lib.record.log import line_hash, parsed
from rollback_lib.text import times

_LOCK = ".archive.lock"
_SEEN = 20  # other writers whose newest entries an entry holds, at most
_SLACK = timedelta(seconds=2)  # stores keep the end of a lock in whole seconds


@dataclass(frozen=True)
class Queued:
    """A sealed record that is to be archived. `folder` is from the folder of all records. `late`: the record is archived, but its timestamp
    came later and is not."""

    folder: str
    manifest: str
    days: int
    late: bool = False


@dataclass(frozen=True)
class Sent:
    """What became of the queue: `sent` are the folders of records that are archived now, `locked` how many of them are locked; `failed` are
    sentences of what went wrong; `left` is how many records are still queued. `stamped` are the folders of records that got a timestamp,
    `followed` those of records that were archived without one and to which it was sent now."""

    sent: tuple[str, ...]
    locked: int
    failed: tuple[str, ...]
    left: int
    stamped: tuple[str, ...] = ()
    followed: tuple[str, ...] = ()


def queue(root: Path) -> dict[str, list[Queued]]:
    """The records that are to be archived and are not yet, or not with their timestamps, by the address of their archive, oldest first.
    Raises ParameterError."""
    ledger = Ledger(root)
    found: dict[str, list[Queued]] = {}
    for place, record in Chain(root).latest().items():
        if record["event"] != SEALED or not (root / place).is_dir():
            continue
        manifest = record["manifest"]
        late = manifest in ledger.manifests
        if late and (manifest in ledger.stamped or not (root / place / STAMP).is_file()):
            continue
        to = address.destination(root / place)
        if to:  # a timestamp goes where its record is
            where = ledger.manifests.get(manifest, to.address)
            found.setdefault(where, []).append(Queued(place, manifest, to.days, late))
    return found


def send(root: Path, on_record: Callable[[str], None] = lambda _: None) -> Sent:
    """Send all that is queued, one record after the other. `on_record` is called with the folder of each that was archived. If another
    process is sending, it is waited for.

    A failure of one archive, or of one record, does not keep others from being sent. Raises ParameterError if an archive's address is
    wrong.
    """
    sent: list[str] = []
    followed: list[str] = []
    failed: list[str] = []
    locked = 0
    with alone(root):
        waiting = queue(root)
        for where, records in waiting.items():
            try:
                session = Session(store.opened(where), root)
                for record in records:
                    try:
                        lock = session.send(record)
                    except Unusable:
                        raise
                    except RollbackError as error:
                        failed.append(str(error))
                    else:
                        (followed if record.late else sent).append(record.folder)
                        locked += lock and not record.late
                        on_record(record.folder)
            except RollbackError as error:
                failed.append(str(error))
    left = sum(map(len, waiting.values())) - len(sent) - len(followed)
    return Sent(tuple(sent), locked, tuple(failed), left, followed=tuple(followed))


def writer(chain: Sequence[bytes]) -> str:
    """What the writer of a chain, given by its lines, is called in archives: who began it and where, and the hash of the first line."""
    first = next(iter(chain), b"")
    known = parsed(first) or {}  # of a record that was fetched, the line says by whom
    who = re.sub(r"[^\w.@-]", "-", str(known.get("by") or known.get("who", "unknown")), flags=re.ASCII)
    return f"{who}-{line_hash(first)[:12]}"


class Session:
    """The sending to one archive. What was sent earlier and could not be noted, because the process was killed, is noted at its start.

    Raises Unusable, and NotArchived if another folder continues the chain of this writer.
    """

    def __init__(self, store: Store, root: Path) -> None:
        self._store = store
        self._root = root
        self._chain = Chain(root).log.lines()  # as it is now; what is sealed later is for the next session
        self._ledger = Ledger(root)
        self._writer = writer(self._chain)
        self._last = self._ledger.last(store.address, self._writer)
        if self._last.until and not store.locks:
            raise NotArchived(f"{store.address} had object lock and has none now; nothing is sent there until that is explained")
        listed = [(place, one) for one in store.stored(self._last.day) if (place := Place.of(one.key))]
        self._others = self._newest([pair for pair in listed if pair[0].writer != self._writer])
        for place, one in sorted((pair for pair in listed if pair[0].writer == self._writer), key=lambda pair: pair[0].number):
            if place.number > self._last.number:
                self._adopt(one)

    def send(self, record: Queued) -> bool:
        """Archive a record or its timestamp, and return whether it is locked. Raises NotArchived if it is not proven to be there, and
        Unusable."""
        known = self._ledger.stamped if record.late else self._ledger.manifests
        if record.manifest in known:  # it was sent, and is noted since the session began
            return self._store.locks
        folder = self._root / record.folder
        newest = parsed(self._lines[record.folder][-1].encode(errors="surrogateescape")) or {}
        if (newest.get("event"), newest.get("manifest")) != (SEALED, record.manifest):
            raise NotArchived(f"{folder.name} is not archived yet, since its run was resumed just now; it is sent once it is sealed again")
        now, proofs = datetime.now(UTC), bundle.proofs(folder)
        until = (now + timedelta(days=record.days)).replace(microsecond=0) if self._store.locks else None
        stamp = hashlib.sha256(proofs[STAMP]).hexdigest() if STAMP in proofs else ""
        entry = Entry(
            self._writer, self._last.number + 1, self._last.hash, now.isoformat(timespec="seconds"), record.folder, record.manifest,
            tuple(self._lines[record.folder]), len(self._chain), line_hash(self._chain[-1]), until.isoformat() if until else "",
            self._last.until, self._others, stamp, record.late,
        )  # fmt: skip
        content = bundle.pack(entry, folder, proofs)
        day = max(times.day_folder(now), self._last.day)  # so that it is found from there on, even if the clock was set back
        stored = self._store.put(Place(day, self._writer, entry.number, folder.name).key, content, until)
        if self._store.get(stored) != content:
            raise NotArchived(f"{self._store.address} does not give back what was written as {stored.key}; {folder.name} is not archived")
        self._note(entry, stored)
        return until is not None

    @cached_property
    def _lines(self) -> dict[str, list[str]]:
        """The lines of the chain by the record's folder."""
        found: dict[str, list[str]] = {}
        for line in self._chain:
            if entry := parsed(line):
                found.setdefault(entry["folder"], []).append(line.decode(errors="surrogateescape"))
        return found

    def _note(self, entry: Entry, stored: Stored) -> None:
        """Note a bundle in the ledger, once its lock is proven."""
        if entry.until:
            found = self._store.locked_until(stored)
            if found is None or found < datetime.fromisoformat(entry.until) - _SLACK:
                raise NotArchived(
                    f"{self._store.address} did not lock {stored.key} until {entry.until}, so its record is not archived; "
                    "allow s3:PutObjectRetention and s3:GetObjectRetention, then run `rollback incidents archive` again"
                )
        self._ledger.note(self._store.address, entry, stored)
        self._last = Last(entry.number, entry.hash, stored.key[:10], max(self._last.until, entry.until))

    def _adopt(self, stored: Stored) -> None:
        """Note a bundle that an earlier process has sent from here, after it is locked and compared with the chain of this folder."""
        try:
            entry = bundle.entry(self._store.get(stored))
        except NoBundle as wrong:
            raise NotArchived(
                f"{stored.key} of {self._store.address} is not what was sent: {wrong}; see `rollback incidents verify`"
            ) from None
        ours = 0 < entry.length <= len(self._chain) and line_hash(self._chain[entry.length - 1]) == entry.head
        if not ours or (entry.number, entry.before) != (self._last.number + 1, self._last.hash):
            raise NotArchived(
                f"{self._store.address} has {stored.key}, which does not follow from what was sent from {self._root}: a copy of this "
                "folder is sending, too, or the archive was changed; see `rollback incidents verify`, and give a copy a chain of its own"
            )
        if entry.until:
            until, locked = datetime.fromisoformat(entry.until), self._store.locked_until(stored)
            if locked is None or locked < until - _SLACK:
                self._store.lock(stored, until)
        self._note(entry, stored)

    def _newest(self, listed: list[tuple[Place, Stored]]) -> tuple[Other, ...]:
        """The newest entries of other writers that have sent something lately, so that they cannot be taken away unseen."""
        newest: dict[str, tuple[Place, Stored]] = {}
        for place, one in sorted(listed, key=lambda pair: (pair[0].day, pair[0].number)):
            newest.pop(place.writer, None)  # so that the order is that of the days
            newest[place.writer] = (place, one)
        return tuple(self._seen(list(newest.values())[-_SEEN:]))

    def _seen(self, newest: list[tuple[Place, Stored]]) -> Iterator[Other]:
        for place, one in newest:
            try:
                entry = read_entry(self._store, one)
            except NoBundle:  # it is for `verify` to tell
                continue
            yield Other(place.writer, place.number, entry.hash, entry.until)


def read_entry(store: Store, one: Stored) -> Entry:
    """The entry of a bundle; only its beginning is read where that is enough. Raises NoBundle, Unusable."""
    head = store.get(one, bundle.HEAD)
    try:
        return bundle.entry(head)
    except NoBundle:
        if len(head) < bundle.HEAD:
            raise
    return bundle.entry(store.get(one))


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Hold the right to send from a folder of records."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
