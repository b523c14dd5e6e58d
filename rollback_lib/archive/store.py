"""Stores: where an archive keeps its objects. Any file system of fsspec is one; S3 (s3.py) has versions and locks as well."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from rollback_lib.archive.errors import Gone, NotArchived, Taken, Unusable

EXTRA = "pip install 'rollback-runbooks[archive]'"
_WHOLE = ("abfs", "abfss", "adl", "az", "gcs", "gs")  # object stores, in which an object is there whole or not at all
_UNFINISHED = ".part"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_CODES = ("InsufficientStorage", "QuotaExceeded", "XMinioStorageFull")  # of servers other than Amazon's, which is never full


@dataclass(frozen=True, order=True)
class Stored:
    """An object of an archive. `key` is its path from the archive's address.

    Where the store has versions, `version` is the first one that it still has, `versions` how many there are, and `deleted` whether
    the object has been deleted above them.
    """

    key: str
    version: str = ""
    versions: int = 1
    deleted: bool = False


class Store(Protocol):
    """What an archive needs of a store. All methods raise Unusable if the store is away or refuses us."""

    address: str
    locks: bool  # whether it has object lock

    def stored(self, since: str = "") -> list[Stored]:
        """The objects whose keys do not sort before `since`, in the order of their keys."""
        ...

    def put(self, key: str, content: bytes, until: datetime | None) -> Stored:
        """Write a new object in one part, locked `until` then. Raises Taken if there is one of that key."""
        ...

    def get(self, one: Stored, most: int | None = None) -> bytes:
        """The content of an object, or only its first `most` bytes."""
        ...

    def locked_until(self, one: Stored) -> datetime | None:
        """Until when nobody can delete this version; None if somebody can."""
        ...

    def lock(self, one: Stored, until: datetime) -> None:
        """Lock a version that is there already."""
        ...


class Files:
    """A store without versions or locks: a folder, or whatever fsspec has."""

    locks = False

    def __init__(self, address: str, files: Any, path: str) -> None:
        self.address = address
        self._files = files
        self._path = path.rstrip("/")
        self._whole = address.partition("://")[0] in _WHOLE

    def stored(self, since: str = "") -> list[Stored]:
        with told(self.address):
            found = self._files.find(self._path)
        keys = (path[len(self._path) + 1 :] for path in found)
        return sorted(Stored(key) for key in keys if key >= since and not key.endswith(_UNFINISHED))

    def put(self, key: str, content: bytes, until: datetime | None) -> Stored:
        with told(self.address):
            path = f"{self._path}/{key}"
            if self._files.exists(path):
                raise Taken(f"{self.address} has {key} already, and objects of an archive are written once")
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            if self._whole:
                self._files.pipe_file(path, content)
                return Stored(key)
            try:
                self._files.pipe_file(path + _UNFINISHED, content)
                self._files.mv(path + _UNFINISHED, path)
            except Exception:  # whatever it was, it is raised again
                with suppress(Exception):  # a part of it would only take up room
                    self._files.rm_file(path + _UNFINISHED)
                raise
        return Stored(key)

    def get(self, one: Stored, most: int | None = None) -> bytes:
        with told(self.address), there(one, self.address):
            content: bytes = self._files.cat_file(f"{self._path}/{one.key}", end=most)
        return content

    def locked_until(self, one: Stored) -> datetime | None:
        return None

    def lock(self, one: Stored, until: datetime) -> None:
        raise NotArchived(f"{self.address} has no object lock")


def opened(address: str) -> Store:
    """The store at an address. Raises Unusable if the packages for it are missing, or it does not let us in."""
    try:
        from fsspec import url_to_fs
    except ImportError:
        raise Unusable(f"archives need fsspec, which is not installed; run `{EXTRA}`") from None
    from rollback_lib.archive import s3

    kind = address.partition("://")[0]
    options = s3.OPTIONS if kind in s3.KINDS else {}
    try:
        files, path = url_to_fs(address, **options)
    except (ImportError, ValueError):
        help = EXTRA if kind in s3.KINDS else f"see which package fsspec needs for {kind}://"
        raise Unusable(f"{address} cannot be opened, since a package for it is missing or there is no such kind of store; {help}") from None
    if kind in s3.KINDS:
        return s3.S3(address, files, path)
    with told(address):
        if kind not in _WHOLE and not files.isdir(path):  # such as a file system that is not mounted now
            raise FileNotFoundError
    return Files(address, files, path)


@contextmanager
def told(address: str) -> Iterator[None]:
    """Turn what a store says into a sentence, without the text of the store, which may name keys."""
    try:
        yield
    except NotArchived:
        raise
    except PermissionError:
        raise Unusable(
            f"{address} refused us: the credentials are wrong, or may not do this; set those of the environment or profile"
        ) from None
    except FileNotFoundError:
        raise Unusable(f"{address} is not there; make its bucket or folder first, with object lock if it is to be locked") from None
    except Exception as error:
        if "Credential" in type(error).__name__:
            raise Unusable(f"there are no credentials for {address}; set those of the environment or profile") from None
        if getattr(error, "errno", None) in _FULL or code(error) in _FULL_CODES:
            raise Unusable(f"{address} is full; make room there, what is queued is sent later") from None
        said = code(error) or type(error).__name__
        full = ", which may mean that it is full" if said == "InternalError" else ""
        raise Unusable(f"{address} cannot be reached, or failed ({said}{full}); what is queued is sent later") from None


def code(error: Exception) -> str:
    """The word of S3 for an error; "" for another one."""
    response = getattr(error.__cause__ or error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


@contextmanager
def there(one: Stored, address: str) -> Iterator[None]:
    """Say that an object is gone, where a store says that it is not there."""
    try:
        yield
    except FileNotFoundError:
        raise Gone(f"{address} has no {one.key} any more; see `rollback incidents verify --archive`") from None
