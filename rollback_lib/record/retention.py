"""Prunes old records without breaking the chain: their manifests stay, and the chain gets an entry that they were pruned."""

import shutil
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rollback_lib.record import chain, contents
from rollback_lib.record.chain import Chain


def prune(root: Path, keep: timedelta, who: str, spare: Collection[str] = ()) -> list[str]:
    """Remove the files of sealed records that were opened longer than `keep` ago. Their manifests and their entries in the chain stay.

    `who` is entered in the chain. Records in `spare`, given by their folders from `root`, stay. Returns the folders of those that were
    pruned, from `root`, in the order of the chain.
    """
    known = Chain(root)
    until = (datetime.now(UTC) - keep).isoformat(timespec="seconds")
    gone = []
    for place, entry in known.latest().items():
        folder = root / place
        if entry["event"] != chain.SEALED or entry["opened"] >= until or place in spare or not folder.is_dir():
            continue
        known.enter(chain.PRUNED, folder, {}, by=who)  # comes first: after a crash, files may be left over, but none are missing
        for child in folder.iterdir():
            if child.is_dir():
                shutil.rmtree(child)
            elif not child.match("manifest*.json") and child.name not in contents.PROOFS:
                child.unlink()
        gone.append(place)
    return gone
