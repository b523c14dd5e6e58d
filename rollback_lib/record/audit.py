"""Whether the records are what was written: each against its manifest, all of them against the chain."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollback_lib.errors import ParameterError
from rollback_lib.record import chain, manifest
from rollback_lib.record.chain import Chain
from rollback_lib.record.folder import EVENTS, begun
from rollback_lib.record.log import Log


@dataclass(frozen=True)
class Finding:
    """What is to be said of a record. `tampered`: no crash does that."""

    folder: str
    words: str
    tampered: bool


@dataclass(frozen=True)
class Audit:
    """`records` were looked at; `sealed` have a manifest; `open` are not sealed: they run, or were killed; `signed` have a
    signature, which was verified; `head` is the newest hash of the chain."""

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
    """Look at every record. `signers`: an allowed_signers file (ssh-keygen(1)); every sealed record must then be signed by
    one of them. Raises ParameterError where that file is not there."""
    if signers is not None and not signers.is_file():
        raise ParameterError(f"there is no file of allowed signers at {signers}")
    known = Chain(root)
    entries = known.entries()
    findings = [
        Finding(chain.FILE, f"line {fault.line} " + ("was cut short, as by a crash" if fault.crash else _BROKEN), not fault.crash)
        for fault in known.log.faults()
    ]
    records = chain.latest(entries)
    seals = {entry["folder"]: entry for entry in entries if entry["event"] == chain.SEALED}
    signed = 0
    for place, entry in records.items():
        folder = root / place
        if entry["event"] == chain.PRUNED:
            findings += _pruned(folder, place, seals.get(place))
        elif not folder.is_dir():
            findings.append(Finding(place, "the record is gone: it was removed", True))
        elif entry["event"] == chain.SEALED:
            found = list(_against_manifest(folder, place, seals[place]))
            if not found and (signers or (folder / manifest.SIGNATURE).exists()):
                wrong = _signature(folder, signers)
                signed += wrong is None
                found += [Finding(place, wrong, True)] if wrong else []
            findings += found
        else:
            findings += _unsealed(folder, place)
        on_record()
    first = entries[0]["folder"] if entries else ""
    for folder in sorted(root.glob("[0-9]*/[0-9]*/[0-9]*/*-*")):
        place = str(folder.relative_to(root))
        # Records are in folders by their time: those from before the chain began cannot be in it.
        if place not in records and first and place.split("-")[0] >= first.split("-")[0] and begun(folder):
            findings.append(Finding(place, "the record is not in the chain: it was slipped in", True))
    pruned = sum(entry["event"] == chain.PRUNED for entry in records.values())
    sealed = sum(entry["event"] == chain.SEALED for entry in records.values())
    return Audit(len(records), sealed, len(records) - sealed - pruned, pruned, signed, known.head, tuple(findings))


_BROKEN = "does not follow from the line before it: lines were changed, taken out or put in"


def _against_manifest(folder: Path, place: str, seal: dict[str, Any]) -> Iterator[Finding]:
    file = folder / manifest.FILE
    if not file.is_file() or manifest.file_hash(file) != seal["manifest"]:
        yield Finding(place, f"{manifest.FILE} is not the one that was sealed", True)
        return
    sealed: dict[str, str] = json.loads(file.read_text())["files"]
    there = set(manifest.files(folder))
    for name, known in sealed.items():
        if name not in there:
            yield Finding(place, f"{name} was removed", True)
        elif manifest.file_hash(folder / name) != known:
            yield Finding(place, f"{name} was changed after it was sealed", True)
    for name in sorted(there - set(sealed)):
        yield Finding(place, f"{name} was added after the record was sealed", True)


def _unsealed(folder: Path, place: str) -> Iterator[Finding]:
    """A record whose run goes on, or was killed: only the chain of its events can be looked at."""
    for fault in Log(folder / EVENTS).faults():
        words = "is cut short, as by a crash" if fault.crash else _BROKEN
        yield Finding(place, f"{EVENTS}, line {fault.line} {words}", not fault.crash)


def _pruned(folder: Path, place: str, seal: dict[str, Any] | None) -> Iterator[Finding]:
    file = folder / manifest.FILE
    if seal and (not file.is_file() or manifest.file_hash(file) != seal["manifest"]):
        yield Finding(place, f"{manifest.FILE}, which outlives the files of a record, is not the one that was sealed", True)


def _signature(folder: Path, signers: Path | None) -> str | None:
    """What is wrong with the signature of a manifest; None when nothing is. Without signers: that it is one at all."""
    signature = folder / manifest.SIGNATURE
    if not signature.is_file():
        return "it is not signed"
    common = ["-n", manifest.NAMESPACE, "-s", str(signature)]
    if signers is None:
        command = ["ssh-keygen", "-Y", "check-novalidate", *common]
    else:
        find = ["ssh-keygen", "-Y", "find-principals", "-s", str(signature), "-f", str(signers)]
        who = subprocess.run(find, capture_output=True, text=True).stdout.splitlines()
        if not who:
            return f"its signature is of nobody in {signers}"
        command = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", who[0], *common]
    with (folder / manifest.FILE).open("rb") as content:
        done = subprocess.run(command, stdin=content, capture_output=True)
    return None if done.returncode == 0 else "its signature is not of this manifest"
