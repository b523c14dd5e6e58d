"""SSH keys of people, and what they approve with them."""

import subprocess
from pathlib import Path

from rollback_lib.record import approval, signing
from rollback_lib.record.approval import Request

REQUEST = Request(
    plan="ab" * 32, procedure="database", incident="3f2a9c", stack="dyniq-voice", host="contabo", host_key="SHA256:host",
    losses=approval.losses(["public.calls: 25 rows now, 20 in the backup"]), who="anna@laptop", keys=("SHA256:anna",),
    not_after="2026-11-30T12:00:00Z", nonce="0" * 32,
)  # fmt: skip


def key(folder: Path, name: str) -> Path:
    """A new key of that person."""
    file = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file], check=True)
    return file


def allow(signers: Path, **people: Path) -> Path:
    """Let these people approve, each by the key in that file; their names end in @dyniq."""
    lines = (f"{name.partition('_')[0]}@dyniq {file.with_suffix('.pub').read_text()}" for name, file in people.items())
    with signers.open("a") as file:
        file.writelines(lines)
    return signers


def signed(request: Request, key: Path, namespace: str = approval.NAMESPACE) -> bytes:
    return signing.signature(request.text.encode(), key, namespace).encode()
