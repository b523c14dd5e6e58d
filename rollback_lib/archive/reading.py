"""Reads an archive as a folder of records is read: an index on this machine is listed and searched, and single records are fetched.

The index and what was fetched are a cache. They can be removed, and are then made again.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rollback_lib.archive import bundle, store
from rollback_lib.archive.bundle import Entry, NoBundle, Place
from rollback_lib.archive.errors import NotArchived, Unusable
from rollback_lib.archive.sending import read_entry
from rollback_lib.archive.store import Store, Stored
from rollback_lib.errors import ParameterError
from rollback_lib.record import contents
from rollback_lib.record.files import file_hash
from rollback_lib.record.index import Index, Ran
from rollback_lib.text import times

_AT_ONCE = 8  # requests side by side
_OVERLAP = timedelta(days=2)  # for clocks that differ, and bundles that took long to arrive


class Archive:
    """The archive at an address. `behind` says why its index could not be brought up to date; "" if it was.

    `since`: only records that were opened on that day (UTC) or later are asked for. A machine that has never read the archive then reads no
    more than those.
    """

    def __init__(self, address: str, since: date | None = None) -> None:
        self.address = address
        self._cache = _cache(address)
        self._store: Store | None = None
        self.behind = ""
        whole = self._cache / "index.sqlite"
        self._begins = "" if since is None or whole.exists() else times.day_folder(since)
        self._index = Index.kept(self._cache / f"since-{since}.sqlite" if self._begins else whole, self._read_on)

    @property
    def store(self) -> Store:
        """The store, opened. Raises Unusable."""
        if self._store is None:
            self._store = store.opened(self.address)
        return self._store

    def incidents(self, **asked: Any) -> list[dict[str, Any]]:
        """Summaries of the records that match; see `Index.find`. Each has its `writer`."""
        return self._index.find(**asked)

    def ran(self, **asked: Any) -> Iterator[Ran]:
        """The records for statistics; see `Index.ran`."""
        return self._index.ran(**asked)

    def summary(self, place: str) -> Mapping[str, Any]:
        """All that the index has of the record at a place."""
        return self._index.summary(place) or {}

    def place_of(self, incident: str) -> str:
        """The place of the record `incident`, given by its id or its folder's name. Raises ParameterError if there is none or several."""
        found = self._index.ending(incident) if re.fullmatch(r"[\w.-]+", incident) else []
        if len({place.partition("/")[2] for place in found}) == 1:  # it was resumed on another machine, which has sent it again
            return max(found, key=self._sealed)
        if len(found) != 1:
            several = f"; there are {', '.join(sorted(found))}" if found else ""
            raise ParameterError(
                f"there is no one record {incident[:60]!r} in {self.address}{several}; `rollback incidents list` shows those there are"
            )
        return found[0]

    def _sealed(self, place: str) -> tuple[str, int]:
        """When the record at a place was sealed, in whole seconds, and how many events it had then: among seals of one second, the
        newest has most."""
        summary = self.summary(place)
        return str(summary.get("at", "")), int(summary.get("events", 0))

    def folder_at(self, place: str) -> Path:
        """A folder with the record at a place, as it was sealed last. Raises NotArchived if its bundle is not whole, or if the archive has
        only its timestamp; Unusable."""
        summary = self.summary(place)
        one, there = self.bundle_at(place)
        folder = self._cache / "records" / there.writer / str(there.number) / str(summary["folder"])
        if not folder.is_dir():
            self._fetch(one, folder)
        if summary.get("stamp_of") == file_hash(folder / contents.FILE) and not (folder / contents.STAMP).is_file():
            self._add_stamp(Stored(summary["stamp"], summary["stamp_version"]), folder)
        return folder

    def bundle_at(self, place: str) -> tuple[Stored, Place]:
        """The bundle of the record at a place, as it was sealed last. Raises NotArchived if the archive has only its timestamp."""
        summary = self.summary(place)
        there = Place.of(summary.get("bundle", ""))
        if there is None:
            raise NotArchived(f"{self.address} has only the timestamp of {place}; see `rollback incidents verify --archive`")
        return Stored(summary["bundle"], summary["version"]), there

    def folder_of(self, incident: str) -> Path:
        """A folder with the record `incident`. Raises what `place_of` and `folder_at` raise."""
        return self.folder_at(self.place_of(incident))

    def _add_stamp(self, one: Stored, folder: Path) -> None:
        """Add the timestamp that came later to a record that was fetched."""
        late = folder.with_name(f"{folder.name}.stamp")
        self._fetch(one, late)
        (late / contents.STAMP).replace(folder / contents.STAMP)
        shutil.rmtree(late)

    def _fetch(self, one: Stored, folder: Path) -> None:
        """Unpack a bundle there."""
        part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
        part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            bundle.unpack(self.store.get(one), part)
            part.replace(folder)
        except NoBundle as wrong:
            raise NotArchived(f"{one.key} of {self.address} is no bundle ({wrong}); see `rollback incidents verify --archive`") from None
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _read_on(self, index: Index) -> None:
        """Add the bundles to the index that have come since it was last read. Raises Unusable if there is nothing to go by."""
        notes = index.notes
        day = notes.get("day") or self._begins
        try:
            self._store = store.opened(self.address)
            stored = self._store.stored(_recent(day))
        except Unusable as error:
            if not notes:
                raise
            self.behind = str(error)
            return
        listed = [(place, one) for one in stored if (place := Place.of(one.key)) and one.key not in notes]
        if not listed:
            return
        listed.sort(key=lambda pair: (pair[0].writer, pair[0].number))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            entries = list(pool.map(self._entry, (one for _, one in listed)))
        found = [(one, entry) for (_, one), entry in zip(listed, entries, strict=True) if entry]
        newest = max(day, *(place.day for place, _ in listed))
        recent = _recent(newest)
        seen = {one.key: one.version for _, one in listed if one.key >= recent}
        index.put(_lines(found), {**seen, "day": newest}, forget=recent)

    def _entry(self, one: Stored) -> Entry | None:
        assert self._store is not None
        try:
            return read_entry(self._store, one)
        except NoBundle:  # it is for `verify` to tell
            return None


def _lines(found: Iterable[tuple[Stored, Entry]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The lines of chains that these bundles hold, each with the place of its record in the index."""
    for one, entry in found:
        more = {"writer": entry.writer, "bundle": one.key, "version": one.version}
        if entry.late:
            more = {"writer": entry.writer, "stamp": one.key, "stamp_version": one.version, "stamp_of": entry.manifest}
        yield from ((f"{entry.writer}/{entry.folder}", {**line, **more}) for line in entry.chained)


def _recent(day: str) -> str:
    """The day from which on bundles may still be new to a machine that has read those of `day`; "" for an index that has read none."""
    return times.day_folder(date.fromisoformat(day.replace("/", "-")) - _OVERLAP) if day else ""


def _cache(address: str) -> Path:
    """The folder on this machine for what was read of an archive. It is private."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "rollback" / "archives" / hashlib.sha256(address.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
