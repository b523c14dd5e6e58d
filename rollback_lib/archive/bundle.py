"""Bundles: the objects of an archive. Each is a sealed record as one .tar.gz, with its entry in the chain of its writer as the first file.

The entry holds the hash of the entry before it, the hash of the record's manifest, which has those of all its files, and the newest
entries of other writers that this one saw. So one writer's chain vouches for those of the others as well.

A timestamp that came after its record was sent follows in a bundle of its own, with the manifest that it is of, in the same chain.
"""

import hashlib
import io
import json
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter

from rollback_lib.archive.errors import NotArchived
from rollback_lib.record import contents
from rollback_lib.record.log import parsed

HEAD = 16 * 1024  # bytes of a bundle in which its entry almost always is
_ENTRY, _RECORD = "entry.json", "record/"
_MOST = 2**30  # bytes that a bundle may unpack to
_FOLDER = re.compile(r"\d{4}/\d{2}/\d{2}/[\w.-]+")
_WRITER = re.compile(r"[\w.@-]+")
_KEY = re.compile(r"(\d{4}/\d{2}/\d{2})/([\w.@-]+)/(\d{6,})-([\w.-]+)\.tar\.gz")


class NoBundle(Exception):
    """An object is not a bundle."""


@dataclass(frozen=True)
class Other:
    """The newest entry of another writer, as it was seen: its `number`, its hash, and until when it is locked."""

    writer: str
    number: int
    entry: str
    until: str


@dataclass(frozen=True)
class Entry:
    """An entry in the chain of a writer.

    `number` counts from 1. `before` is the hash of the entry before, "" for the first. `at` is when it was made, in ISO 8601. `folder` is
    the record's, from the folder of all records; `manifest` is the SHA-256 of its manifest; `lines` are the record's lines in the local
    chain, which had `length` lines then, the last with the hash `head`. `until` is the end of the bundle's lock in ISO 8601, "" for none;
    `ended` is the latest end of those before it: from then on they may be deleted. `stamp` is the SHA-256 of the manifest's timestamp, ""
    where it had none. `late`: the bundle has only the timestamp, of a record that was sent before.
    """

    writer: str
    number: int
    before: str
    at: str
    folder: str
    manifest: str
    lines: tuple[str, ...]
    length: int
    head: str
    until: str
    ended: str
    others: tuple[Other, ...]
    stamp: str = ""
    late: bool = False

    @classmethod
    def read(cls, text: bytes) -> Self:
        """Raises NoBundle."""
        try:
            made = TypeAdapter(cls).validate_json(text, strict=True)
            for line in made.chained:
                datetime.fromisoformat(line["at"])
        except (ValueError, LookupError, TypeError):
            raise NoBundle("its entry cannot be read") from None
        if not _FOLDER.fullmatch(made.folder) or not _WRITER.fullmatch(made.writer) or not made.chained:
            raise NoBundle("its entry cannot be read")
        return made

    @property
    def chained(self) -> list[dict[str, Any]]:
        """The record's entries in the local chain, oldest first."""
        found = (parsed(line.encode(errors="surrogateescape")) for line in self.lines)
        return [entry for entry in found if entry is not None and entry.get("folder") == self.folder]

    @property
    def text(self) -> bytes:
        """The entry as its file has it. What was added to entries later is left out where it says nothing."""
        found = {name: value for name, value in asdict(self).items() if value or name not in ("stamp", "late")}
        return json.dumps(found, indent=1).encode()

    @property
    def hash(self) -> str:
        """The SHA-256 of its file."""
        return hashlib.sha256(self.text).hexdigest()


@dataclass(frozen=True)
class Place:
    """What the key of a bundle says: the `day` on which it was sent (YYYY/MM/DD), its writer, its number, and the record's folder."""

    day: str
    writer: str
    number: int
    name: str

    @classmethod
    def of(cls, key: str) -> Self | None:
        """None for a key that no bundle has."""
        found = _KEY.fullmatch(key)
        return cls(found[1], found[2], int(found[3]), found[4]) if found else None

    @property
    def key(self) -> str:
        return f"{self.day}/{self.writer}/{self.number:06}-{self.name}.tar.gz"


def proofs(folder: Path) -> dict[str, bytes]:
    """The proofs that a sealed record has now, by name."""
    return {name: (folder / name).read_bytes() for name in contents.PROOFS if (folder / name).is_file()}


def pack(entry: Entry, folder: Path, proofs: Mapping[str, bytes]) -> bytes:
    """The bundle of a sealed record with its proofs; if the entry is `late`, of its timestamp alone. Raises NotArchived if the record is
    not what was sealed."""
    manifest = (folder / contents.FILE).read_bytes()
    if hashlib.sha256(manifest).hexdigest() != entry.manifest:
        raise _changed(folder, contents.FILE)
    files = {contents.FILE: manifest}
    known_files = {} if entry.late else contents.read(folder / contents.FILE).files
    for name, known in known_files.items():
        try:
            files[name] = (folder / name).read_bytes()
        except OSError:
            raise _changed(folder, name) from None
        if hashlib.sha256(files[name]).hexdigest() != known:
            raise _changed(folder, name)
    files |= {name: proof for name, proof in proofs.items() if name == contents.STAMP or not entry.late}
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", compresslevel=6) as tar:
        for name, content in {_ENTRY: entry.text, **{_RECORD + name: content for name, content in files.items()}}.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o600
            tar.addfile(member, io.BytesIO(content))
    return made.getvalue()


def entry(bundle: bytes) -> Entry:
    """The entry of a bundle, of which the beginning is enough. Raises NoBundle."""
    return Entry.read(next(_members(bundle), ("", b""))[1])


def unpack(bundle: bytes, folder: Path) -> Entry:
    """Write the files of the record into `folder`, which is made. Returns the entry. Raises NoBundle."""
    members = _members(bundle)
    found = Entry.read(next(members, ("", b""))[1])
    folder.mkdir(parents=True, mode=0o700)
    for name, content in members:
        inner = name.removeprefix(_RECORD)
        if name == inner or inner.startswith("/") or {"", ".", ".."} & set(inner.split("/")):
            raise NoBundle("it has a file that is not of the record")
        try:
            (folder / inner).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            (folder / inner).write_bytes(content)
            (folder / inner).chmod(0o600)
        except (OSError, ValueError):
            raise NoBundle("it has a file that cannot be written here") from None
    return found


def _members(bundle: bytes) -> Iterator[tuple[str, bytes]]:
    """The files of a bundle with their content. Raises NoBundle for anything that a bundle does not have."""
    left = _MOST
    try:
        with tarfile.open(fileobj=io.BytesIO(bundle), mode="r|gz") as tar:
            for member in tar:
                left -= member.size
                content = tar.extractfile(member) if member.isreg() and left >= 0 else None
                if content is None:
                    raise NoBundle("it has what no bundle has")
                yield member.name, content.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error, UnicodeError):
        raise NoBundle("it is not whole") from None


def _changed(folder: Path, name: str) -> NotArchived:
    return NotArchived(f"{folder.name} is not archived, since {name} is not what was sealed; see `rollback incidents verify`")
