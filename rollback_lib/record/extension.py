"""Checks a record against its entries in the chain, and that each of its seals extends the one before.

A sealed record is sealed again only after its run was resumed, or to add a file that its seal awaits. A new seal may add events, and
rewrite the files that are derived from events. All other files must stay as they were sealed.
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
_REWRITTEN = (EVENTS, "record.json", "report.html", "postmortem.md")  # the files that a resumed run rewrites

Entry = Mapping[str, Any]  # an entry of the chain


def differences(folder: Path, entries: Sequence[Entry]) -> list[str]:
    """How a record differs from its entries in the chain: sentences that begin with the name of a file. `entries` are all entries of this
    record, oldest first."""
    state, seals = entries[-1]["event"], [entry for entry in entries if entry["event"] == SEALED]
    kept = [contents.sealed(folder, number, seal["manifest"]) for number, seal in enumerate(seals, 1)]
    manifests = [contents.read(file) if file else None for file in kept]
    last = manifests[-1] if seals else None
    if last is None and (seals or state == PRUNED):
        return [f"{contents.FILE} is not the one that was sealed" if seals else "the record was pruned before it was sealed"]
    log = Log(folder / EVENTS)
    lines = log.lines()
    found: list[str] = []
    for number, (seal, later) in enumerate(pairwise(seals), 1):
        before, after = manifests[number - 1], manifests[number]
        if before is None and _linked(seal, later):
            found.append(f"{contents.earlier(number)} is not the one that was sealed")
        elif before and after and _linked(seal, later):
            resumed = state == PRUNED or _resumed(lines[: later.get("events")], seal)
            added = (contents.earlier(number), *before.awaits)
            found += [f"{words}, and sealed again" for words in _changes(before, after.files, resumed=resumed, added=added)]
    now = contents.hashes(folder)
    if last and state == PRUNED:  # only the files that are left can be compared
        return [*found, *_changes(Manifest({name: last.files[name] for name in now if name in last.files}, ()), now)]
    if last and state == SEALED:
        found += _changes(last, now)
    elif last and _linked(seals[-1], entries[-1]):
        added = (contents.earlier(len(seals)), *last.awaits)
        found += _changes(last, now, resumed=_resumed(lines, seals[-1]), added=added)
    if not found and (state != SEALED or len(seals) > 1):  # otherwise the manifest holds the hash of all events
        found += [f"{EVENTS}, line {fault.line} {BROKEN}" for fault in log.faults() if not fault.crash]
    return found or [*_events(lines, entries), *_unvouched(lines, now)]


def vouched(lines: Sequence[bytes]) -> dict[str, str]:
    """The SHA-256 of files that these events hold, by name. If several events have it, the newest counts."""
    having = (parsed(line) for line in lines if b'"sha256": {' in line)  # only a few of many lines have to be parsed
    found = (entry["sha256"] for entry in having if entry and isinstance(entry.get("sha256"), dict))
    return {name: known for files in found for name, known in files.items()}


def _linked(earlier: Entry, later: Entry) -> bool:
    """Whether the later entry must extend the earlier one. Entries from before 2026-11-24 have no number of events, and need not."""
    return "events" in earlier or "events" in later


def _resumed(lines: Sequence[bytes], seal: Entry) -> bool:
    """Whether the run was resumed right after that seal: the first event after those of the seal says so."""
    later = (entry.get("event") for entry in map(parsed, lines[seal.get("events", 0) :]) if entry is not None)
    return next(later, "") == RESUMED if "events" in seal else RESUMED in later


def _changes(before: Manifest, after: Mapping[str, str], *, resumed: bool = False, added: Collection[str] = ()) -> Iterator[str]:
    """Sentences about files that differ from the manifest `before` and should not. `after` has their present hashes.

    Files in `added` may have been added. If the run was `resumed`, it may have added files and rewritten those in _REWRITTEN.
    """
    for name, known in before.files.items():
        if name not in after:
            yield f"{name} was removed"
        elif after[name] != known and not (resumed and name in _REWRITTEN):
            yield f"{name} was changed after it was sealed"
    if not resumed:
        for name in sorted(after.keys() - before.files.keys() - set(added)):
            yield f"{name} was added after the record was sealed"


def _events(lines: Sequence[bytes], entries: Sequence[Entry]) -> Iterator[str]:
    """A sentence if the events are not those that were there when the entries were made."""
    for entry in entries:
        number = entry.get("events", 0)
        if number and (number > len(lines) or line_hash(lines[number - 1]) != entry["last"]):
            yield f"{EVENTS}, line {number} is not the one that the chain has: lines were changed or cut off"
            return


def _unvouched(lines: Sequence[bytes], now: Mapping[str, str]) -> Iterator[str]:
    """Sentences about files whose hashes are not those that the events hold. `now` has their present hashes."""
    for name, known in vouched(lines).items():
        if now.get(name) != known:
            yield f"{name} is not the one whose hash {EVENTS} has"
