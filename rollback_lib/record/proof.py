"""Checks that a run may act on a record. A record names commands that run on the host, and an SSH configuration."""

from collections.abc import Sequence
from pathlib import Path

from rollback_lib.errors import ParameterError
from rollback_lib.record import chain, contents
from rollback_lib.record.chain import Chain
from rollback_lib.record.extension import BROKEN, Entry, differences, vouched
from rollback_lib.record.folder import EVENTS, ROOT_VARIABLE
from rollback_lib.record.log import Log

_ACTED_ON = ("plan.json", "stack.json")


def check(folder: Path, root: Path) -> None:
    """Check that the record in `folder` is as the chain of `root` has it. Only this record is checked, and the chain since it was opened.

    Raises ParameterError, which names the file at fault.
    """
    if not folder.resolve().is_relative_to(root.resolve()):
        raise ParameterError(
            f"{folder} is outside of {root}, so no chain here vouches for it, and a record names commands and an SSH configuration; "
            f"if you trust it, set {ROOT_VARIABLE} to the folder of the records that it belongs to"
        )
    known = Chain(root)
    entries = known.of(folder)
    of_record = list(entries.values())
    if not entries:
        raise ParameterError(f"{folder.name} is not in {chain.FILE} of {root}, so nothing vouches for it; choose another record")
    faults = [f"{chain.FILE}, line {fault.line} {BROKEN}" for fault in known.log.faults(min(entries)) if not fault.crash]
    wrong = faults or differences(folder, of_record) or _unproven(folder, of_record)
    if wrong:
        raise ParameterError(
            f"{folder.name} is not what was written: {wrong[0]}; nothing is taken from it, so see `rollback incidents verify`, and plan a "
            "rollback instead"
        )


def _unproven(folder: Path, entries: Sequence[Entry]) -> list[str]:
    """Sentences about files that a run would act on, and whose hashes are neither in the last manifest nor in an event."""
    proven = set(vouched(Log(folder / EVENTS).lines()))
    seals = [entry for entry in entries if entry["event"] == chain.SEALED]
    manifest = contents.sealed(folder, len(seals), seals[-1]["manifest"]) if seals else None
    if manifest:
        proven |= contents.read(manifest).files.keys()
    present = [name for name in _ACTED_ON if (folder / name).exists()]
    return [f"{EVENTS} does not hold the hash of {name}" for name in present if name not in proven]
