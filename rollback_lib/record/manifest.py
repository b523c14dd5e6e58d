"""Seals a record: its manifest, with the SHA-256 of each of its files, is written, signed if a key is set, and entered in the chain."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from rollback_lib.errors import RollbackError
from rollback_lib.record import contents
from rollback_lib.record.chain import SEALED, Chain
from rollback_lib.record.contents import FILE, SIGNATURE, STAMP
from rollback_lib.record.extension import differences
from rollback_lib.record.files import file_hash, write_private
from rollback_lib.record.signing import KEY_VARIABLE, NotSigned, own_key, signature

__all__ = ["FILE", "KEY_VARIABLE", "NAMESPACE", "SIGNATURE", "NotExtended", "NotSigned", "seal"]

NAMESPACE = "rollback-incident"  # the namespace of the signature, so that it is valid for nothing else (ssh-keygen(1), -n)


class NotExtended(RollbackError):
    """A record cannot be sealed again, because something that was sealed before was changed."""


def seal(folder: Path, root: Path, record: dict[str, Any], *, sign: bool = True, awaits: Collection[str] = ()) -> None:
    """Write the manifest of all files of the record, sign it if a key is set and `sign` is true, and enter it in the chain of `root`.

    `record` is the content of record.json. `awaits` names files that a later seal may add. A record that is sealed already is sealed
    again if it only extends what was sealed; the earlier manifest is kept beside the new one. Raises NotSigned, NotExtended.
    """
    chain = Chain(root)
    entries = list(chain.of(folder).values())
    sealed = [entry for entry in entries if entry["event"] == SEALED]
    if sealed:
        changed = differences(folder, entries)
        if changed:
            raise NotExtended(f"{folder.name} is not sealed again: {changed[0]}; see `rollback incidents verify`")
        kept = contents.sealed(folder, len(sealed), sealed[-1]["manifest"])
        assert kept is not None
        write_private(folder / contents.earlier(len(sealed)), kept.read_text())
    content = {"incident": folder.name.rpartition("-")[2], "files": contents.hashes(folder), "awaits": sorted(awaits), "chain": chain.head}
    (folder / SIGNATURE).unlink(missing_ok=True)
    write_private(folder / FILE, json.dumps(content, indent=1) + "\n")
    (folder / STAMP).unlink(missing_ok=True)
    if sign and (key := own_key()):
        try:
            write_private(folder / SIGNATURE, signature((folder / FILE).read_bytes(), key, NAMESPACE))
        except NotSigned as error:
            why = f"the record could not be signed with {key}: {error}; load the key with ssh-add, or unset {KEY_VARIABLE}"
            raise NotSigned(why) from None
    chain.enter(SEALED, folder, record, manifest=file_hash(folder / FILE))
