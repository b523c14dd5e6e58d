"""Many records: listed, searched, verified; beside `find` over the folders and `sha256sum` over all files, which nobody can beat."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from unittest.mock import patch

from bench.results import Taken
from bench.site import Site
from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.record.folder import Folder
from rollback_lib.run.sealing import seal

NUMBER = 10_000
PROBES = 60  # events of a usual run
FILES = {"plan.sh": 2_000, "undo.sh": 1_000, "plan.json": 8_000, "notebook.ipynb": 40_000, "notebook.html": 30_000}  # bytes
WALK, HASHES = "find, names only", "sha256sum of every file"


def many(site: Site, rounds: int, number: int = NUMBER) -> Iterator[Taken]:
    """So many sealed records of a usual size, looked at."""
    root = Path(mkdtemp(prefix="records-"))
    incidents = ["env", f"ROLLBACK_INCIDENTS={root}", site.peers.rollback()[0], "incidents"]
    looks = {
        WALK: ["find", str(root), "-name", "record.json"],
        HASHES: ["sh", "-c", f"find {root} -type f -print0 | xargs -0 sha256sum"],
        "list": [*incidents, "list"],
        "search": [*incidents, "search", "ticket 77"],
        "verify": [*incidents, "verify"],
    }
    try:
        with patch.multiple(os, fsync=_unsynced, fdatasync=_unsynced):  # that is what takes long
            for one in range(number):
                make(root, one)
        for _ in range(rounds):
            for name, words in looks.items():
                yield name, site.run(words)
    finally:
        shutil.rmtree(root)


def make(root: Path, one: int) -> None:
    """A sealed record."""
    folder = Folder.create(("code", "image", "env")[one % 3], root)
    opening = {"procedure": folder.path.name.split("-")[1], "stack": f"stack{one % 7}", "host": "h", "who": "me@here", "mode": "apply"}
    folder.write_record({**opening, "verdict": "unknown", "reason": "the run has not ended", "because": f"ticket {one}", "budget": 60.0})
    Chain(root).enter(OPENED, folder.path, folder.record())
    lines = "".join(f'{{"at": "2026-11-23T12:00:00.{n:03}+00:00", "event": "note", "said": "{"x" * 160}"}}\n' for n in range(PROBES))
    folder.write("events.jsonl", lines)
    folder.write_record({**folder.record(), "verdict": "succeeded", "reason": "healthy", "seconds": 2.5})
    for name, size in FILES.items():
        folder.write(name, "x" * size)
    seal(folder, root)


def _unsynced(_: int) -> None:
    pass
