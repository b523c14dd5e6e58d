"""What single values of a stack file may be: paths, names, addresses, references to secrets."""

import re
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from rollback_lib.settings import home


def _host_path(value: str) -> str:
    if not re.fullmatch(r"/[A-Za-z0-9._@+/-]+", value) or ".." in PurePosixPath(value).parts:
        raise ValueError("an absolute path of letters, digits and . _ @ + - is expected")
    return value.rstrip("/")


def _pattern(value: str) -> str:
    folder, _, name = value.rpartition("/")
    if not folder or not re.fullmatch(r"[A-Za-z0-9._@+*?-]+", name):
        raise ValueError("an absolute path is expected, whose last part may have * and ?")
    return f"{_host_path(folder)}/{name}"


def _database_name(value: str) -> str:
    # NAMEDATALEN (https://www.postgresql.org/docs/current/limits.html)
    if not value.isprintable() or not 0 < len(value.encode()) <= 63:
        raise ValueError("a name of 1 to 63 bytes without control characters is expected")
    return value


def _url(value: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~/%-]*)?(\?[A-Za-z0-9._~/%?&=+,:;@-]*)?", value):
        raise ValueError("an http or https address without user, password or fragment is expected")
    return value


def archive_address(value: str) -> str:
    """The address of an archive without a slash at its end. Raises ValueError if it is none, or has a user or a password in it."""
    if not re.fullmatch(r"[a-z][a-z0-9+-]*://[A-Za-z0-9._~:/+-]+", value) or ".." in value.split("/"):
        raise ValueError("an address such as s3://bucket/folder is expected, without user, password or query")
    return value.rstrip("/")


def _statuses(value: object) -> object:
    found = value if isinstance(value, list) else [value]
    if not found or not all(isinstance(one, int) and 100 <= one <= 599 for one in found):
        raise ValueError("an HTTP status from 100 to 599 is expected, or a list of such")
    return value


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=63)]
ProjectName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=63)]
ComposeProject = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=63)]
HostPath = Annotated[str, AfterValidator(_host_path)]
Pattern = Annotated[str, AfterValidator(_pattern)]
DatabaseName = Annotated[str, AfterValidator(_database_name)]
Url = Annotated[str, AfterValidator(_url)]
ArchiveAddress = Annotated[str, AfterValidator(archive_address)]
SecretReference = Annotated[str, StringConstraints(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:/[A-Za-z0-9._@+/-]+)$")]
Address = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+:\d{1,5}$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$", max_length=63)]
Statuses = Annotated[Any, AfterValidator(_statuses)]


class Keys(BaseModel):
    """Base of every section of a stack file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, serialize_by_alias=True)


def local_path(path: str) -> Path:
    """A path on this machine, as a parameter file gives it: `~` is your home, a relative one is in the runbook folder."""
    expanded = Path(path).expanduser()
    return expanded if expanded.is_absolute() else home() / expanded
