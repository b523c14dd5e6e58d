"""The files that belong to a record, and the manifests that hold their hashes."""

import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rollback_lib.record.files import file_hash

FILE = "manifest.json"
SIGNATURE = "manifest.json.sig"
STAMP = "manifest.json.tsr"
PROOFS = (SIGNATURE, STAMP)  # files that prove a manifest, and so are not in it
WORKING_COPY = "working.ipynb"  # in the folder of a record, but not part of it, since JupyterLab keeps saving it
_CHECKPOINTS = ".ipynb_checkpoints/"  # the folder in which JupyterLab keeps earlier versions of a notebook


@dataclass(frozen=True)
class Manifest:
    """A manifest. `files` has the SHA-256 of each file, by name. `awaits` names files that a later seal may add. `head` is the hash of the
    newest line that the chain had when it was made, "" for none."""

    files: Mapping[str, str]
    awaits: Collection[str]
    head: str = ""


def hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a record, by name; "" for a link, which cannot be a file of a record.

    The manifest, its proofs, unfinished files, and the working copy with JupyterLab's versions of it are left out.
    """
    found = ((entry.path[len(str(folder)) + 1 :], entry) for entry in _entries(str(folder)))
    return {
        name: "" if entry.is_symlink() else file_hash(Path(entry.path))
        for name, entry in sorted(found, key=lambda item: item[0])
        if name not in (FILE, *PROOFS, WORKING_COPY) and not name.startswith(_CHECKPOINTS) and not name.endswith(".part")
    }


def _entries(folder: str) -> "Iterator[os.DirEntry[str]]":
    """All files and links below a folder. Listed by scandir without a stat of each, which would be slow for many records."""
    with os.scandir(folder) as found:
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(entry.path)
            elif entry.is_symlink() or entry.is_file():
                yield entry


def earlier(number: int) -> str:
    """The name under which the manifest of seal `number` (from 1) is kept once there is a newer seal."""
    return f"manifest-{number}.json"


def sealed(folder: Path, number: int, known: str) -> Path | None:
    """The file of the manifest of seal `number`, found by `known`, its hash in the chain; None if there is no file with that hash."""
    places = (folder / FILE, folder / earlier(number))
    return next((file for file in places if file.is_file() and file_hash(file) == known), None)


def read(file: Path) -> Manifest:
    """Read a manifest. Raises ValueError or LookupError for a file that is none."""
    content = json.loads(file.read_text())
    return Manifest(content["files"], content.get("awaits", ()), content.get("chain", ""))
