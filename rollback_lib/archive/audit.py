"""Verifies an archive: each bundle against its record's manifest, each writer's chain, and the chains across, as writers saw each other.

What this machine has sent itself is compared with its own ledger and chain as well.
"""

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rollback_lib.archive import bundle, sending
from rollback_lib.archive.bundle import Entry, NoBundle, Place
from rollback_lib.archive.ledger import Ledger
from rollback_lib.archive.pages import is_page
from rollback_lib.archive.store import Store, Stored
from rollback_lib.record import contents
from rollback_lib.record.audit import Audit, Finding
from rollback_lib.record.chain import FILE, SEALED, Chain
from rollback_lib.record.extension import differences
from rollback_lib.record.files import file_hash
from rollback_lib.record.log import line_hash
from rollback_lib.record.proofs import UNSTAMPED, Demanded, Proven, prove
from rollback_lib.text import tables

_AT_ONCE = 8  # bundles that are verified side by side


@dataclass(frozen=True)
class _Bundle:
    """A bundle that was verified. `entry` is None if it cannot be read. `wrong` are sentences about it alone, `proven` the proofs in it."""

    place: Place
    key: str
    entry: Entry | None
    wrong: tuple[str, ...]
    proven: Proven
    locked: bool


def verify(
    store: Store,
    root: Path,
    demanded: Demanded = Demanded(),  # noqa: B008 – frozen
    *,
    on_record: Callable[[], None] = lambda: None,
) -> tuple[Audit, set[str]]:
    """Verify every bundle of an archive. `root` is the folder of this machine's records, which need not exist.

    `demanded` and `on_record` are as for the verification of a folder. Also returns the hashes of all entries, any of which may have been
    noted as the head. Raises Unusable, and ParameterError if a file of what is demanded cannot be used.
    """
    demanded.check()
    listed = [(Place.of(one.key), one) for one in store.stored()]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        sent = [pool.submit(_bundle, store, place, one, demanded, on_record) for place, one in listed if place]
    found = [one.result() for one in sent]
    now = datetime.now(UTC).isoformat()
    chains: dict[str, list[_Bundle]] = defaultdict(list)
    for one in sorted(found, key=lambda one: one.place.number):
        chains[one.place.writer].append(one)
    records = {writer: _with_late(chain) for writer, chain in chains.items()}
    findings = [
        *(Finding(one.key, words, True) for place, one in listed if place is None for words in _beside(one)),
        *(Finding(one.key, words, True) for one in found for words in one.wrong),
        *(Finding(one.key, words, False) for one in found for words in one.proven.doubts),
        *(Finding(one.key, UNSTAMPED, True) for chain in records.values() for one in _unstamped(chain, demanded)),
        *(Finding(one.key, words, True) for chain in chains.values() for one, words in _stray(chain)),
        *(finding for chain in chains.values() for finding in _chain(chain, now)),
        *(Finding(one.key, words, True) for chain in chains.values() for one, words in _extended(chain)),
        *(Finding(name, words, True) for name, words in _across(chains, now)),
        *(Finding(name, words, True) for name, words in _sent_from(root, store.address, chains, now)),
    ]
    unlocked = [one for one in found if not one.locked]
    if store.locks and unlocked:
        findings.append(Finding(unlocked[0].key, f"it is not locked ({len(unlocked)} of {len(found)} are not)", False))
    entries = [one.entry for one in found if one.entry]
    number = len({(entry.writer, entry.folder) for entry in entries if not entry.late})
    newest = max(entries, key=lambda entry: entry.at).hash if entries else ""
    proofs = [one.proven for chain in records.values() for one in chain]
    signed, stamped = sum(one.signed for one in proofs), sum(one.stamped for one in proofs)
    return Audit(number, number, 0, 0, signed, stamped, newest, tuple(findings)), {entry.hash for entry in entries}


def _bundle(store: Store, place: Place, one: Stored, demanded: Demanded, on_record: Callable[[], None]) -> _Bundle:
    """Verify one bundle by itself."""
    wrong = _rewritten(one)
    entry, proven = None, Proven()
    with tempfile.TemporaryDirectory(prefix="rollback-") as folder:
        try:
            entry = bundle.unpack(store.get(one), Path(folder) / "record")
        except NoBundle as error:
            wrong.append(f"it is no bundle: {error}")
        else:
            there = Path(folder) / "record"
            wrong += of_record(there, place, entry)
            if not wrong:
                sealed = datetime.fromisoformat(entry.chained[-1]["at"])
                proven = prove(there, sealed, replace(demanded, signers=None) if entry.late else demanded)
    locked = store.locks and store.locked_until(one) is not None
    on_record()
    return _Bundle(place, one.key, entry, (*wrong, *proven.wrong), proven, locked)


def _beside(one: Stored) -> list[str]:
    """What is wrong with an object that is no bundle."""
    return _rewritten(one) if is_page(one.key) else ["it is no bundle: it was put in"]


def _rewritten(one: Stored) -> list[str]:
    """Whether an object was deleted or rewritten above its first version, in sentences."""
    gone = ["it was deleted; the version that was locked is still there, and is read"] if one.deleted else []
    many = [f"it was rewritten: there are {one.versions} versions, of which the first is read"] if one.versions > 1 else []
    return gone + many


def of_record(folder: Path, place: Place, entry: Entry) -> list[str]:
    """What is wrong with the record of a bundle, unpacked in `folder`."""
    if (entry.writer, entry.number, entry.folder.rpartition("/")[2]) != (place.writer, place.number, place.name):
        return ["its entry is that of another bundle"]
    lines = entry.chained
    last = lines[-1].get("event"), lines[-1].get("manifest")
    if len(lines) != len(entry.lines) or last != (SEALED, entry.manifest):
        return ["its entry is not that of a sealed record"]
    stamp = folder / contents.STAMP
    if (file_hash(stamp) if stamp.is_file() else "") != entry.stamp and (entry.stamp or entry.late):
        return ["its timestamp is not the one that was sent"]
    if entry.late:
        own = {one.name for one in folder.iterdir()} == {contents.FILE, contents.STAMP}
        return [] if own and file_hash(folder / contents.FILE) == entry.manifest else ["it is not the timestamp of a sealed record"]
    try:
        return differences(folder, lines)
    except (ValueError, LookupError, OSError):
        return ["its record cannot be read"]


def _with_late(chain: Sequence[_Bundle]) -> list[_Bundle]:
    """The bundles of a writer that have records, each with the timestamp that came later."""
    later = {one.entry.manifest: one.proven for one in chain if one.entry and one.entry.late}
    found = []
    for one in chain:
        if one.entry is None or not one.entry.late:
            stamp = later.get(one.entry.manifest, Proven()) if one.entry else Proven()
            found.append(replace(one, proven=replace(one.proven, stamped=one.proven.stamped or stamp.stamped)))
    return found


def _stray(chain: Sequence[_Bundle]) -> Iterator[tuple[_Bundle, str]]:
    """Timestamps of records that were not sent before."""
    known: set[str] = set()
    for one in chain:
        if one.entry and one.entry.late and one.entry.manifest not in known and not one.wrong:
            yield one, "it is the timestamp of a record that is not there"
        elif one.entry:
            known.add(one.entry.manifest)


def _unstamped(chain: Sequence[_Bundle], demanded: Demanded) -> list[_Bundle]:
    """The bundles of a writer that should have a timestamp and have none."""
    return [chain[number] for number in demanded.unstamped([one.proven for one in chain])]


def _chain(chain: Sequence[_Bundle], now: str) -> Iterator[Finding]:
    """What is wrong with the chain of a writer, beside the bundle where it shows."""
    number = 0
    before: str | None = ""
    for one in chain:
        missing = one.place.number - number - 1
        if missing < 0:
            yield Finding(one.key, "there are two bundles of its number: one was put in", True)
        elif missing:
            over = one.entry is not None and "" < one.entry.ended < now
            words = f"{tables.count(missing, 'bundle')} of its writer before it: gone"
            yield Finding(one.key, words + (" since their retention was over" if over else ""), not over)
        elif one.entry and before is not None and one.entry.before != before:
            yield Finding(one.key, "it does not follow from the bundle before it: one of both was replaced", True)
        number, before = one.place.number, one.entry.hash if one.entry else None


def _extended(chain: Sequence[_Bundle]) -> Iterator[tuple[_Bundle, str]]:
    """Records that were archived again, and whose lines in the chain do not continue those of before."""
    known: dict[str, tuple[str, ...]] = {}
    for one in chain:
        if one.entry:
            earlier = known.get(one.entry.folder, ())
            if one.entry.lines[: len(earlier)] != earlier:
                yield one, "the record was archived before with other lines in its chain"
            known[one.entry.folder] = one.entry.lines


def _across(chains: Mapping[str, Sequence[_Bundle]], now: str) -> Iterator[tuple[str, str]]:
    """What writers saw of each other and is not there, with the writer who is missing it. Each entry is told of once."""
    found = [(one.place, one.entry) for bundles in chains.values() for one in bundles if one.entry]
    there = {(place.writer, place.number): entry.hash for place, entry in found}
    told = set()
    for place, entry in found:
        for other in entry.others:
            known = there.get((other.writer, other.number))
            over = known is None and "" < other.until < now
            if known != other.entry and not over and other not in told:
                told.add(other)
                yield other.writer, f"its bundle {other.number}, which {place.writer} saw, is gone or another one"


def _sent_from(root: Path, address: str, chains: Mapping[str, Sequence[_Bundle]], now: str) -> Iterator[tuple[str, str]]:
    """What was sent from `root` and is not there as it was sent; and where the chain in `root` is not the one that was archived."""
    there = {(one.place.writer, one.place.number): one.entry for chain in chains.values() for one in chain}
    for sent in Ledger(root).sent(address):
        entry = there.get((sent["writer"], sent["number"]))
        over = (sent["writer"], sent["number"]) not in there and "" < sent["until"] < now
        if not over and (entry is None or entry.hash != sent["entry"]):
            yield sent["key"], f"it was sent from {root}, and is gone or another one"
    lines = Chain(root).log.lines()
    for one in chains.get(sending.writer(lines), ()):
        entry = one.entry
        if entry and (entry.length > len(lines) or line_hash(lines[entry.length - 1]) != entry.head):
            yield f"{root}/{FILE}", f"line {entry.length} is not the one that {one.key} has of it: the chain was rewritten or cut"
            return
