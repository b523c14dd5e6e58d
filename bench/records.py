"""Many records: listed, searched, verified. `.venv/bin/python -m bench.records [NUMBER]`; beside them, what the file system takes.

The peers are `find` over the folders and `sha256sum` over all files: nobody can look at them in less.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.record.folder import Folder
from rollback_lib.run.sealing import seal

PROBES = 60  # events of a usual run


def make(root: Path, number: int) -> None:
    """So many sealed records of a usual size; nothing is synced, which is what takes long."""
    os.fdatasync = os.fsync = lambda _: None  # type: ignore[assignment]
    for one in range(number):
        folder = Folder.create(("code", "image", "env")[one % 3], root)
        opening = {"procedure": folder.path.name.split("-")[1], "stack": f"stack{one % 7}", "host": "h", "who": "me@here", "mode": "apply"}
        folder.write_record(
            {**opening, "verdict": "unknown", "reason": "the run has not ended", "because": f"ticket {one}", "budget": 60.0}
        )
        Chain(root).enter(OPENED, folder.path, folder.record())
        lines = "".join(f'{{"at": "2026-11-23T12:00:00.{n:03}+00:00", "event": "note", "said": "{"x" * 160}"}}\n' for n in range(PROBES))
        folder.write("events.jsonl", lines)
        folder.write_record({**folder.record(), "verdict": "succeeded", "reason": "healthy", "seconds": 2.5})
        for name, size in (
            ("plan.sh", 2_000),
            ("undo.sh", 1_000),
            ("plan.json", 8_000),
            ("notebook.ipynb", 40_000),
            ("notebook.html", 30_000),
        ):
            folder.write(name, "x" * size)
        seal(folder, root)


def measure(title: str, words: list[str], root: Path) -> float:
    """Seconds of the fastest of three."""
    seconds = []
    for _ in range(3):
        began = time.monotonic()
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "ROLLBACK_INCIDENTS": str(root)})
        seconds.append(time.monotonic() - began)
    print(f"{title:40} {min(seconds):6.2f} s", flush=True)
    return min(seconds)


def main(number: int) -> None:
    root = Path(tempfile.mkdtemp(prefix="records-"))
    rollback = [str(Path(sys.executable).parent / "rollback"), "incidents"]
    try:
        make(root, number)
        print(f"{number} records")
        walk = measure("find, names only", ["find", str(root), "-name", "record.json"], root)
        hashes = measure("sha256sum of every file", ["sh", "-c", f"find {root} -type f -print0 | xargs -0 sha256sum"], root)
        print(f"list: {measure('list', [*rollback, 'list'], root) / walk:.1f} × find")
        print(f"search: {measure('search', [*rollback, 'search', 'ticket 77'], root) / walk:.1f} × find")
        print(f"verify: {measure('verify', [*rollback, 'verify'], root) / hashes:.1f} × sha256sum")
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
