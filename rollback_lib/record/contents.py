"""What belongs to a record: its files, and the manifests that hold their hashes."""

import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rollback_lib.record.files import file_hash

FILE = "manifest.json"
SIGNATURE = "manifest.json.sig"
WORKING_COPY = "working.ipynb"  # beside the files of a record, and none of them: JupyterLab keeps saving it
_CHECKPOINTS = ".ipynb_checkpoints/"  # where JupyterLab keeps earlier states of a notebook


@dataclass(frozen=True)
class Manifest:
    """`files` are the SHA-256 of each file by its name; `awaits` names those that a later seal may add."""

    files: Mapping[str, str]
    awaits: Collection[str]


def hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of the files of a record by name: all but the manifest itself, its signature, unfinished ones, and the working copy,
    with JupyterLab's copies of it. "" for a link, which is no file of a record."""
    found = ((entry.path[len(str(folder)) + 1 :], entry) for entry in _entries(str(folder)))
    return {
        name: "" if entry.is_symlink() else file_hash(Path(entry.path))
        for name, entry in sorted(found, key=lambda one: one[0])
        if name not in (FILE, SIGNATURE, WORKING_COPY) and not name.startswith(_CHECKPOINTS) and not name.endswith(".part")
    }


def _entries(folder: str) -> "Iterator[os.DirEntry[str]]":
    """The files and links below a folder, without a look at each, which takes long where there are many records."""
    with os.scandir(folder) as found:
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(entry.path)
            elif entry.is_symlink() or entry.is_file():
                yield entry


def earlier(number: int) -> str:
    """Where the manifest of the seal of that number is kept once there is a newer one."""
    return f"manifest-{number}.json"


def sealed(folder: Path, number: int, known: str) -> Path | None:
    """The manifest of the seal of that number, by its hash in the chain; None where it is not there."""
    places = (folder / FILE, folder / earlier(number))
    return next((file for file in places if file.is_file() and file_hash(file) == known), None)


def read(file: Path) -> Manifest:
    """What a manifest says."""
    content = json.loads(file.read_text())
    return Manifest(content["files"], content.get("awaits", ()))
