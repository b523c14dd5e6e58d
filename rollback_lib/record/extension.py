"""Whether a record is what the chain has of it, and whether each seal extends the one before.

A sealed record is sealed again only after a run that was resumed, or to add a file that its seal awaits. Events are then only added,
and only what is derived from them is rewritten; all other files stay as they were sealed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from rollback_lib.record import contents
from rollback_lib.record.chain import PRUNED, SEALED
from rollback_lib.record.contents import Manifest
from rollback_lib.record.folder import EVENTS
from rollback_lib.record.log import Log, line_hash, parsed
from rollback_lib.record.state import RESUMED

BROKEN = "does not follow from the line before it: lines were changed, taken out or put in"
_RETOLD = (EVENTS, "record.json", "report.html", "postmortem.md")  # what a run that was resumed rewrites

Entry = Mapping[str, Any]  # of the chain


def differences(folder: Path, entries: Sequence[Entry]) -> list[str]:
    """What of a record is not as its entries in the chain have it, in words that begin with the name of a file. `entries` are all
    of this record, oldest first."""
    state, seals = entries[-1]["event"], [one for one in entries if one["event"] == SEALED]
    kept = [contents.sealed(folder, number, one["manifest"]) for number, one in enumerate(seals, 1)]
    manifests = [contents.read(file) if file else None for file in kept]
    last = manifests[-1] if seals else None
    if last is None and (seals or state == PRUNED):
        return [f"{contents.FILE} is not the one that was sealed" if seals else "the record was pruned before it was sealed"]
    log = Log(folder / EVENTS)
    lines = log.lines()
    found: list[str] = []
    for number, (one, other) in enumerate(pairwise(seals), 1):
        before, after = manifests[number - 1], manifests[number]
        if before is None and _linked(one, other):
            found.append(f"{contents.earlier(number)} is not the one that was sealed")
        elif before and after and _linked(one, other):
            resumed = state == PRUNED or _resumed(lines[: other.get("events")], one)
            added = (contents.earlier(number), *before.awaits)
            found += [f"{words}, and sealed again" for words in _changes(before, after.files, resumed=resumed, added=added)]
    now = contents.hashes(folder)
    if last and state == PRUNED:  # what is left of it
        return [*found, *_changes(Manifest({name: last.files[name] for name in now if name in last.files}, ()), now)]
    if last and state == SEALED:
        found += _changes(last, now)
    elif last and _linked(seals[-1], entries[-1]):
        added = (contents.earlier(len(seals)), *last.awaits)
        found += _changes(last, now, resumed=_resumed(lines, seals[-1]), added=added)
    if not found and (state != SEALED or len(seals) > 1):  # else the manifest has the hash of them all
        found += [f"{EVENTS}, line {fault.line} {BROKEN}" for fault in log.faults() if not fault.crash]
    return found or [*_events(lines, entries), *_unvouched(lines, now)]


def vouched(lines: Sequence[bytes]) -> dict[str, str]:
    """The SHA-256 of files by the newest of these events that has it."""
    having = (parsed(line) for line in lines if b'"sha256": {' in line)  # of many lines only a few are worth parsing
    found = (entry["sha256"] for entry in having if entry and isinstance(entry.get("sha256"), dict))
    return {name: known for one in found for name, known in one.items()}


def _linked(one: Entry, other: Entry) -> bool:
    """Whether the later of two entries has to extend the other: those from before 2026-11-24 have no number of events."""
    return "events" in one or "events" in other


def _resumed(lines: Sequence[bytes], seal: Entry) -> bool:
    """Whether the events that follow those of the seal begin with a run that was resumed."""
    later = (entry.get("event") for entry in map(parsed, lines[seal.get("events", 0) :]) if entry is not None)
    return next(later, "") == RESUMED if "events" in seal else RESUMED in later


def _changes(before: Manifest, after: Mapping[str, str], *, resumed: bool = False, added: Collection[str] = ()) -> Iterator[str]:
    """What of the files that were sealed is not as it may be now: those `added` may be there, and what a resumed run writes."""
    for name, known in before.files.items():
        if name not in after:
            yield f"{name} was removed"
        elif after[name] != known and not (resumed and name in _RETOLD):
            yield f"{name} was changed after it was sealed"
    if not resumed:
        for name in sorted(after.keys() - before.files.keys() - set(added)):
            yield f"{name} was added after the record was sealed"


def _events(lines: Sequence[bytes], entries: Sequence[Entry]) -> Iterator[str]:
    """Events that are not those that the entries were made with."""
    for entry in entries:
        number = entry.get("events", 0)
        if number and (number > len(lines) or line_hash(lines[number - 1]) != entry["last"]):
            yield f"{EVENTS}, line {number} is not the one that the chain has: lines were changed or cut off"
            return


def _unvouched(lines: Sequence[bytes], now: Mapping[str, str]) -> Iterator[str]:
    """Files that are not those whose hashes the events hold."""
    for name, known in vouched(lines).items():
        if now.get(name) != known:
            yield f"{name} is not the one whose hash {EVENTS} has"
