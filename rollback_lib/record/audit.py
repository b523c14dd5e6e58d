"""Verifies all records: each against its manifest, and all of them against the chain."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rollback_lib.record import chain, manifest, signature
from rollback_lib.record.chain import Chain
from rollback_lib.record.extension import BROKEN, Entry, differences
from rollback_lib.record.folder import EVENTS, begun
from rollback_lib.record.log import Log


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
    killed. `signed` have a signature, which was verified. `head` is the newest hash of the chain.
    """

    records: int
    sealed: int
    open: int
    pruned: int
    signed: int
    head: str
    findings: tuple[Finding, ...]

    @property
    def tampered(self) -> bool:
        return any(finding.tampered for finding in self.findings)


def verify(root: Path, *, signers: Path | None = None, on_record: Callable[[], None] = lambda: None) -> Audit:
    """Verify every record in the folder `root`.

    `signers` is an allowed_signers file (ssh-keygen(1)); if it is given, every sealed record must be signed by one of them.
    `on_record` is called after each record. Raises ParameterError if the file of signers does not exist.
    """
    signature.check_signers(signers)
    known = Chain(root)
    entries = known.entries()
    findings = [
        Finding(chain.FILE, f"line {fault.line} " + ("was cut short, as by a crash" if fault.crash else BROKEN), not fault.crash)
        for fault in known.log.faults()
    ]
    records: dict[str, list[Entry]] = {}
    for entry in entries:
        records.setdefault(entry["folder"], []).append(entry)
    signed = 0
    for place, of_record in records.items():
        folder, state = root / place, of_record[-1]["event"]
        present = state == chain.PRUNED or folder.is_dir()
        wrong = differences(folder, of_record) if present else ["the record is gone: it was removed"]
        if not wrong and state == chain.SEALED and (signers or (folder / manifest.SIGNATURE).exists()):
            objection = signature.objection(folder, signers)
            signed += objection is None
            wrong = [objection] if objection else []
        findings += [Finding(place, words, True) for words in wrong]
        if state == chain.OPENED:
            scars = (fault for fault in Log(folder / EVENTS).faults() if fault.crash)
            findings += [Finding(place, f"{EVENTS}, line {scar.line} is cut short, as by a crash", False) for scar in scars]
        on_record()
    first = entries[0]["folder"] if entries else ""
    for folder in sorted(root.glob("[0-9]*/[0-9]*/[0-9]*/*-*")):
        place = str(folder.relative_to(root))
        # The folders of records are named by their time. A record from before the chain began cannot be in the chain.
        if place not in records and first and place.split("-")[0] >= first.split("-")[0] and begun(folder):
            findings.append(Finding(place, "the record is not in the chain: it was inserted", True))
    states = [of_record[-1]["event"] for of_record in records.values()]
    pruned, sealed = states.count(chain.PRUNED), states.count(chain.SEALED)
    return Audit(len(records), sealed, len(records) - sealed - pruned, pruned, signed, known.head, tuple(findings))
