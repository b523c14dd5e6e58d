"""Files on the host, read byte for byte, and the kept versions of them."""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rollback_lib.commands.command import Command
from rollback_lib.facts import secret_values
from rollback_lib.facts.fact import Fact
from rollback_lib.host.snippets import SEEN
from rollback_lib.secrets.secret import Secret

_LARGEST = 256 * 1024  # bytes of a file that are read; no configuration file is larger


@dataclass(frozen=True)
class File:
    """A file on the host.

    `real` is its path with links resolved, `kind` its type in the words of stat, `mode` its permissions in octal. `owner` and `group`
    are numbers. `identity` (inode, size, times to the nanosecond) changes with every write to the file.
    """

    path: str
    real: str
    kind: str
    mode: str
    owner: int
    group: int
    inode: int
    changed: datetime
    content: Secret
    identity: str = ""

    @property
    def regular(self) -> bool:
        return self.kind.startswith("regular")

    @property
    def hash(self) -> str:
        """The short hash of the content. Only for a file without secrets."""
        return short_hash(self.content.reveal())

    @property
    def size(self) -> int:
        return len(self.content)


# Prints a line for each file: path, path with links resolved, type, mode, owner, group, inode, time of change, identity, and content in
# base64. A file with a newline in its name cannot be a configuration file, and is skipped.
_READ = (
    SEEN + 'for file in "$@"; do seen "$file" || continue; case $file in *"\n"*) continue;; esac; real=$(readlink -f "$file"); '
    'printf "%s\\t%s\\t%s\\t" "$file" "$real" "$(stat -c "%F\t%a\t%u\t%g\t%i\t%Y\t%i %s %.9Y %.9Z" "$real")"; '
    f'[ ! -f "$real" ] || head -c {_LARGEST} "$real" | base64 -w0; echo; done'
)


def file(path: str) -> Fact[File | None]:
    """The file at `path`; None if nothing is there."""
    return Fact((_reading(path),), lambda out: next(iter(_files(out)), None), missing=f"{path} could not be read")


def matching(folder: str, name: str) -> Fact[list[File]]:
    """The regular files in `folder` whose names begin with `name`, newest first."""
    search = SEEN + 'folder=$1 name=$2; seen "$folder" || exit 0; set -- "$folder/$name"*; ' + _READ.removeprefix(SEEN)
    command = Command.of("sh", "-euc", search, "sh", folder, name)

    def read(out: str) -> list[File]:
        found = [item for item in _files(out) if item.regular]
        return sorted(found, key=lambda item: (item.changed, item.path), reverse=True)

    return Fact((command,), read, missing=f"the files in {folder} could not be read")


def env_file(path: str) -> Fact[File | None]:
    """The env file at `path`, its values hidden; None if nothing is there."""
    return replace(file(path), hides=lambda found: _secrets([found]))


def env_files(folder: str, name: str) -> Fact[list[File]]:
    """The env files in `folder` whose names begin with `name`, their values hidden, newest first."""
    return replace(matching(folder, name), hides=_secrets)


def value(path: str) -> Fact[File | None]:
    """The file at `path`, its whole content hidden as one value; None if nothing is there."""
    return replace(file(path), hides=lambda found: secret_values.forms(found.content.reveal()) if found else ())


def values(folder: str, name: str) -> Fact[list[File]]:
    """The files in `folder` whose names begin with `name`, the whole content of each hidden as one value."""
    return replace(
        matching(folder, name), hides=lambda found: (form for one in found for form in secret_values.forms(one.content.reveal()))
    )


def _secrets(found: "Iterable[File | None]") -> Iterator[str]:
    return (value for item in found if item for value in secret_values.in_env_file(item.content))


def _reading(*paths: str) -> Command:
    return Command.of("sh", "-euc", _READ, "sh", *paths)


def _files(out: str) -> list[File]:
    found = []
    for line in out.splitlines():
        path, real, kind, mode, owner, group, inode, changed, identity, content = line.split("\t")
        when = datetime.fromtimestamp(int(changed), UTC)
        found.append(File(path, real, kind, mode, int(owner), int(group), int(inode), when, Secret(base64.b64decode(content)), identity))
    return found


def short_hash(content: bytes) -> str:
    """12 hex digits of the SHA-256 of `content`. Only for content without secrets."""
    return hashlib.sha256(content).hexdigest()[:12]
