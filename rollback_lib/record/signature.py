"""Checks the signature of a sealed record."""

import subprocess
from pathlib import Path

from rollback_lib.record import manifest


def objection(folder: Path, signers: Path | None) -> str | None:
    """What is wrong with the signature of a manifest; None if nothing is. Without `signers`, only check that it is a signature of it."""
    file = folder / manifest.SIGNATURE
    if not file.is_file():
        return "it is not signed"
    common = ["-n", manifest.NAMESPACE, "-s", str(file)]
    if signers is None:
        command = ["ssh-keygen", "-Y", "check-novalidate", *common]
    else:
        find = ["ssh-keygen", "-Y", "find-principals", "-s", str(file), "-f", str(signers)]
        who = subprocess.run(find, capture_output=True, text=True).stdout.splitlines()
        if not who:
            return f"its signature is of nobody in {signers}"
        command = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", who[0], *common]
    with (folder / manifest.FILE).open("rb") as content:
        done = subprocess.run(command, stdin=content, capture_output=True)
    return None if done.returncode == 0 else "its signature is not of this manifest"
