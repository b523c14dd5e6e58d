"""Verifies all records: each against its manifest, and all of them against the chain."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rollback_lib.record import chain, contents
from rollback_lib.record.chain import Chain
from rollback_lib.record.extension import BROKEN, Entry, differences
from rollback_lib.record.folder import EVENTS, begun
from rollback_lib.record.log import Log, line_hash, parsed
from rollback_lib.record.proofs import UNSTAMPED, Demanded, Proven, prove


@dataclass(frozen=True)
class Finding:
    """Something wrong with a record, in words. `tampered` is whether somebody must have changed it, because a crash cannot do that.

    `folder` is the record's folder, from the folder of all records; or the name of the chain's file.
    """

    folder: str
    words: str
    tampered: bool


@dataclass(frozen=True)
class Audit:
    """The result of verifying all records, in numbers, with all findings.

    `records` is how many there are. Of these, `sealed` are sealed, `pruned` are pruned, and `open` are neither: their run continues, or was
    killed. `signed` have a signature and `stamped` a timestamp, which were verified. `head` is the newest hash of the chain.
    """

    records: int
    sealed: int
    open: int
    pruned: int
    signed: int
    stamped: int
    head: str
    findings: tuple[Finding, ...]

    @property
    def tampered(self) -> bool:
        return any(finding.tampered for finding in self.findings)


def verify(root: Path, demanded: Demanded = Demanded(), *, on_record: Callable[[], None] = lambda: None) -> Audit:  # noqa: B008 – frozen
    """Verify every record in the folder `root`, and what is `demanded` of each. `on_record` is called after each record. Raises
    ParameterError if a file of what is demanded cannot be used."""
    demanded.check()
    known = Chain(root)
    numbered = [(number, entry) for number, line in enumerate(known.log.lines(), 1) if (entry := parsed(line)) is not None]
    findings = [
        Finding(chain.FILE, f"line {fault.line} " + ("was cut short, as by a crash" if fault.crash else BROKEN), not fault.crash)
        for fault in known.log.faults()
    ]
    records: dict[str, dict[int, Entry]] = {}
    for number, entry in numbered:
        records.setdefault(entry["folder"], {})[number] = entry
    heads = {line_hash(line): number for number, line in enumerate(known.log.lines(), 1)}
    proven: dict[str, Proven] = {}
    for place, entries in records.items():
        found, proofs = _record(root / place, place, entries, heads, demanded)
        findings += found
        if proofs:
            proven[place] = proofs
        on_record()
    sealed = sorted(proven, key=lambda place: max(records[place]))
    lacking = demanded.unstamped([proven[place] for place in sealed])
    findings += [Finding(sealed[number], UNSTAMPED, True) for number in lacking]
    findings += _inserted(root, records, next(iter(records), ""))
    states = [list(entries.values())[-1]["event"] for entries in records.values()]
    return Audit(
        len(records), states.count(chain.SEALED), states.count(chain.OPENED), states.count(chain.PRUNED),
        sum(one.signed for one in proven.values()), sum(one.stamped for one in proven.values()), known.head, tuple(findings),
    )  # fmt: skip


def _record(
    folder: Path, place: str, entries: Mapping[int, Entry], heads: Mapping[str, int], demanded: Demanded
) -> tuple[list[Finding], Proven | None]:
    """What is wrong with one record, and its proofs if it is sealed and whole. `entries` are its lines in the chain by their numbers;
    `heads` has the numbers of all lines of the chain by their hashes."""
    of_record = list(entries.values())
    state = of_record[-1]["event"]
    present = state == chain.PRUNED or folder.is_dir()
    wrong = differences(folder, of_record) if present else ["the record is gone: it was removed"]
    seal = max((number for number, entry in entries.items() if entry["event"] == chain.SEALED), default=0)
    elsewhere = chain.FETCHED in entries.get(seal, {})  # what the seal stands on is in another chain
    if not wrong and state != chain.OPENED and not elsewhere:
        head = contents.read(folder / contents.FILE).head
        if head and heads.get(head, seal) >= seal:
            wrong = ["the chain before it is not the one on which it was sealed: that was rewritten"]
    if wrong:
        return [Finding(place, words, True) for words in wrong], None
    if state == chain.SEALED:
        proofs = prove(folder, datetime.fromisoformat(of_record[-1]["at"]), demanded)
        fetched = [f"it was fetched, so its seal stands on the chain of {entries[seal].get('writer')}"] if elsewhere else []
        doubts = [Finding(place, words, False) for words in (*proofs.doubts, *fetched)]
        return [*(Finding(place, words, True) for words in proofs.wrong), *doubts], proofs
    if state == chain.OPENED:
        scars = (fault for fault in Log(folder / EVENTS).faults() if fault.crash)
        return [Finding(place, f"{EVENTS}, line {scar.line} is cut short, as by a crash", False) for scar in scars], None
    return [], None


def _inserted(root: Path, records: Collection[str], first: str) -> Iterator[Finding]:
    """Records in `root` that are not in the chain, whose first record is `first`."""
    for folder in sorted(root.glob("[0-9]*/[0-9]*/[0-9]*/*-*")):
        place = str(folder.relative_to(root))
        # The folders of records are named by their time. A record from before the chain began cannot be in the chain.
        if place not in records and first and place.split("-")[0] >= first.split("-")[0] and begun(folder):
            yield Finding(place, "the record is not in the chain: it was inserted", True)
