"""The manifest of a record: the SHA-256 of each of its files, and where in the chain it stands; signed if a key is set."""

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from rollback_lib.errors import RollbackError
from rollback_lib.record.chain import SEALED, Chain
from rollback_lib.record.files import write_private
from rollback_lib.record.working import COPY

FILE = "manifest.json"
SIGNATURE = "manifest.json.sig"
KEY_VARIABLE = "ROLLBACK_SIGNING_KEY"  # a private key, or a public one whose private half ssh-agent holds
_CHECKPOINTS = ".ipynb_checkpoints/"  # where JupyterLab keeps earlier states of a notebook
NAMESPACE = "rollback-incident"  # of the signature, so that it counts for nothing else (ssh-keygen(1), -n)


class NotSigned(RollbackError):
    """A signature was asked for and could not be made; the record is sealed all the same."""


def seal(folder: Path, root: Path, record: dict[str, Any], *, sign: bool = True) -> None:
    """Write the manifest of all files there are, enter it in the chain of `root`, and sign it when a key is set.

    May be done again, when a record was added to. Raises NotSigned.
    """
    chain = Chain(root)
    hashes = {name: file_hash(folder / name) for name in files(folder)}
    content = {"incident": folder.name.rpartition("-")[2], "files": hashes, "chain": chain.head}
    (folder / SIGNATURE).unlink(missing_ok=True)
    write_private(folder / FILE, json.dumps(content, indent=1) + "\n")
    chain.enter(SEALED, folder, record, manifest=file_hash(folder / FILE))
    key = os.environ.get(KEY_VARIABLE)
    if key and sign:
        _sign(folder / FILE, Path(key).expanduser())


def files(folder: Path) -> list[str]:
    """The files of a record that its manifest holds: all but the manifest itself, its signature, unfinished ones, and the working
    copy, with JupyterLab's copies of it."""
    found = (file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file() or file.is_symlink())
    return sorted(
        name for name in found if name not in (FILE, SIGNATURE, COPY) and not name.startswith(_CHECKPOINTS) and not name.endswith(".part")
    )


def file_hash(file: Path) -> str:
    """The SHA-256 of a file's content, in hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _sign(file: Path, key: Path) -> None:
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(file)]
    # No terminal: a key with a passphrase is for ssh-agent to hold.
    environment = {**os.environ, "SSH_ASKPASS_REQUIRE": "never"}
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["ssh-keygen said nothing"])[-1]
        raise NotSigned(f"the record could not be signed with {key}: {said}; load the key with ssh-add, or unset {KEY_VARIABLE}")
    (file.parent / SIGNATURE).chmod(0o600)
