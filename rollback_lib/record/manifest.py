"""Sealing a record: its manifest, the SHA-256 of each of its files, is entered in the chain; signed if a key is set."""

import json
import os
import subprocess
from collections.abc import Collection
from pathlib import Path
from typing import Any

from rollback_lib.errors import RollbackError
from rollback_lib.record import contents
from rollback_lib.record.chain import SEALED, Chain
from rollback_lib.record.contents import FILE, SIGNATURE
from rollback_lib.record.extension import differences
from rollback_lib.record.files import file_hash, write_private

__all__ = ["FILE", "KEY_VARIABLE", "NAMESPACE", "SIGNATURE", "NotExtended", "NotSigned", "seal"]

KEY_VARIABLE = "ROLLBACK_SIGNING_KEY"  # a private key, or a public one whose private half ssh-agent holds
NAMESPACE = "rollback-incident"  # of the signature, so that it counts for nothing else (ssh-keygen(1), -n)


class NotSigned(RollbackError):
    """A signature was asked for and could not be made; the record is not sealed yet."""


class NotExtended(RollbackError):
    """A record is not sealed again: what was sealed before was changed."""


def seal(folder: Path, root: Path, record: dict[str, Any], *, sign: bool = True, awaits: Collection[str] = ()) -> None:
    """Write the manifest of all files there are, sign it when a key is set, and enter it in the chain of `root`. `awaits` are files
    that a later seal may add.

    A record that is open again may be sealed again, where it extends what was sealed; that manifest stays beside the new one.
    Raises NotSigned, NotExtended.
    """
    chain = Chain(root)
    entries = list(chain.of(folder).values())
    sealed = [one for one in entries if one["event"] == SEALED]
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
    key = os.environ.get(KEY_VARIABLE)
    if key and sign:
        _sign(folder / FILE, Path(key).expanduser())
    chain.enter(SEALED, folder, record, manifest=file_hash(folder / FILE))


def _sign(file: Path, key: Path) -> None:
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(file)]
    # No terminal: a key with a passphrase is for ssh-agent to hold.
    environment = {**os.environ, "SSH_ASKPASS_REQUIRE": "never"}
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["ssh-keygen said nothing"])[-1]
        raise NotSigned(f"the record could not be signed with {key}: {said}; load the key with ssh-add, or unset {KEY_VARIABLE}")
    (file.parent / SIGNATURE).chmod(0o600)
