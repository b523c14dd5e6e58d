"""Signs with an SSH key, by ssh-keygen."""

import os
import subprocess
from pathlib import Path

from rollback_lib.errors import RollbackError

KEY_VARIABLE = "ROLLBACK_SIGNING_KEY"  # a private key, or a public one whose private half ssh-agent holds


class NotSigned(RollbackError):
    """A signature could not be made."""


def own_key() -> Path | None:
    """The key that this user signs with; None if none is set."""
    named = os.environ.get(KEY_VARIABLE)
    return Path(named).expanduser() if named else None


def signature(content: bytes, key: Path, namespace: str) -> str:
    """The signature of `content` by this key, valid in that namespace only (ssh-keygen(1), -n). Raises NotSigned."""
    # ssh-keygen gets no terminal to ask on. A key with a passphrase must be in ssh-agent.
    environment = {**os.environ, "SSH_ASKPASS_REQUIRE": "never"}
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", namespace]
    done = subprocess.run(command, input=content, capture_output=True, env=environment, start_new_session=True)
    if done.returncode != 0:
        raise NotSigned(_last(done.stderr))
    return done.stdout.decode()


def fingerprint(key: Path) -> str:
    """The fingerprint of a key, such as SHA256:jXJw…. Raises NotSigned if that is no key."""
    done = subprocess.run(["ssh-keygen", "-l", "-E", "sha256", "-f", str(key)], capture_output=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise NotSigned(_last(done.stderr))
    return done.stdout.decode().split()[1]


def _last(said: bytes) -> str:
    return (said.decode(errors="replace").strip().splitlines() or ["ssh-keygen said nothing"])[-1]
