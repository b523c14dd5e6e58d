"""Lists and searches earlier records, and finds how long earlier runs took."""

import re
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from rollback_lib.errors import ParameterError
from rollback_lib.record import chain
from rollback_lib.record.chain import Chain
from rollback_lib.record.folder import EVENTS, begun
from rollback_lib.record.index import Index
from rollback_lib.record.log import Log, line_hash, parsed

INDEX = "index.sqlite"


def incidents(
    root: Path, *, procedure: str = "", stack: str = "", verdict: str = "", since: date | None = None, until: date | None = None,
    text: str = "", most: int = -1,
) -> list[dict[str, Any]]:  # fmt: skip
    """Summaries of the records that match, newest first, as the chain has them. See `Index.find`."""
    return indexed(root).find(procedure=procedure, stack=stack, verdict=verdict, since=since, until=until, text=text, most=most)


def indexed(root: Path) -> Index:
    """The index of the records in `root`, in which the whole chain is."""
    return Index.kept(root / INDEX, lambda index: _read_on(index, Log(root / chain.FILE)))


def _read_on(index: Index, log: Log) -> None:
    """Add the lines of the chain that are new since the last time."""
    notes = index.notes
    lines, end = log.whole(int(notes.get("last_begins", 0)))
    if notes and (not lines or line_hash(lines[0]) != notes["last"]):  # it is another chain
        index.clear()
        notes, (lines, end) = {}, log.whole(0)
    new = lines[1:] if notes else lines
    if new:
        entries = ((entry["folder"], entry) for entry in map(parsed, new) if entry is not None)
        index.put(entries, {"last_begins": str(end - len(lines[-1]) - 1), "last": line_hash(lines[-1])})


def folder_of(root: Path, incident: str) -> Path:
    """The folder of the record `incident`: its id, its folder's name, or a path. Raises ParameterError if there is none, or several."""
    given = Path(incident)
    if given.is_dir() and (given / "record.json").exists():
        return given
    if not re.fullmatch(r"[\w-]+", incident):
        raise ParameterError(f"INCIDENT: an id such as 3f2a9c, as `rollback incidents list` shows it, is expected, not {incident[:60]!r}")
    found = [
        folder
        for folder in root.glob(f"[0-9]*/[0-9]*/[0-9]*/*{incident}")
        if (folder.name == incident or folder.name.endswith("-" + incident)) and begun(folder)
    ]
    if len(found) != 1:
        raise ParameterError(f"there is no record {incident!r} in {root}; `rollback incidents list` shows those there are")
    return found[0]


def usual_seconds(root: Path, procedure: str, stack: str, most: int = 20) -> list[float]:
    """How long the latest successful runs of a procedure on a stack took, in seconds, newest first."""
    return [float(entry["seconds"]) for entry in islice(_successes(root, procedure, stack), most)]


def usual_steps(root: Path, procedure: str, stack: str, most: int = 5) -> dict[str, float]:
    """How long the steps of a procedure usually take on a stack: by name, the median of its latest successful runs, in seconds."""
    took: dict[str, list[float]] = {}
    for entry in islice(_successes(root, procedure, stack), most):
        for event in Log(root / entry["folder"] / EVENTS).entries():
            if event["event"] == "step-end" and "seconds" in event:
                took.setdefault(event["step"], []).append(float(event["seconds"]))
    return {step: median(seconds) for step, seconds in took.items()}


def _successes(root: Path, procedure: str, stack: str) -> Iterator[dict[str, Any]]:
    """The newest first."""
    for entry in reversed(Chain(root).latest().values()):
        if entry["event"] != chain.OPENED and (entry.get("procedure"), entry.get("stack"), entry.get("verdict")) == (
            procedure, stack, "succeeded",
        ):  # fmt: skip
            yield entry
