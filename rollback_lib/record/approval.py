"""What an approval is: a request as canonical JSON, and signatures of it by people who may approve.

The request names everything that is approved. Its text is the same wherever it is written: keys in order, no spaces, ASCII only, one line.
So a signature of it holds for exactly these values. Keys of people are compared by their fingerprints.
"""

import hashlib
import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

NAMESPACE = "rollback-approval"  # of the signatures, so that no other signature counts as an approval, nor an approval as another
VALID = timedelta(hours=1)  # how long an approval may be used to begin
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_GOOD = re.compile(r'Good "rollback-approval" signature for (.+) with \S+ key (SHA256:[A-Za-z0-9+/]{43})')
_WORDS = {
    "plan": "plan", "procedure": "procedure", "incident": "incident", "stack": "stack", "host": "host", "host_key": "host key",
    "losses": "list of what is lost", "who": "person", "keys": "key of who asks", "not_after": "end of validity", "nonce": "nonce",
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """What is to be approved: this plan, in this incident, of this stack, on this host.

    `plan` and `losses` are SHA-256 in hex, `host_key` and `keys` are fingerprints as ssh-keygen prints them. `keys` are those of `who`,
    who asks: that of the connection, and that with which seals are signed. `not_after` is a time in UTC, such as 2026-11-30T12:00:00Z.
    """

    plan: str
    procedure: str
    incident: str
    stack: str
    host: str
    host_key: str
    losses: str
    who: str
    keys: tuple[str, ...]
    not_after: str
    nonce: str

    @property
    def text(self) -> str:
        """The request as canonical JSON, which is what is signed; it ends with a newline."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n"

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what `text` returned. Raises ValueError for everything else, also for the same values written in another way."""
        try:
            known = json.loads(text)
        except RecursionError:
            raise ValueError("it is no request") from None
        if not isinstance(known, dict) or known.keys() != {field.name for field in fields(cls)}:
            raise ValueError("it is no request")
        keys = known.pop("keys")
        if not isinstance(keys, list) or not all(isinstance(value, str) for value in (*known.values(), *keys)):
            raise ValueError("it is no request")
        made = cls(**known, keys=tuple(keys))
        if made.text != text:
            raise ValueError("it is not written as a request is")
        datetime.strptime(made.not_after, _TIME)
        return made

    @property
    def until(self) -> datetime:
        """When it ends."""
        return datetime.strptime(self.not_after, _TIME).replace(tzinfo=UTC)

    def differences(self, other: "Request") -> list[str]:
        """In words, what in `other` is not as here, apart from validity and nonce."""
        return [
            f"another {_WORDS[name]} ({_brief(getattr(self, name))}, not {_brief(getattr(other, name))})"
            for name in _WORDS
            if name not in ("not_after", "nonce") and getattr(self, name) != getattr(other, name)
        ]


def not_after(now: datetime) -> str:
    """The end of the validity of a request that is made now."""
    return f"{now.astimezone(UTC) + VALID:{_TIME}}"


def losses(lines: Iterable[str]) -> str:
    """The hash of a list of what is lost."""
    return hashlib.sha256(json.dumps(list(lines)).encode()).hexdigest()


def _brief(value: Any) -> str:
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    return text[:12] if re.fullmatch(r"[0-9a-f]{64}", text) else text


@dataclass(frozen=True)
class Approver:
    """Who has approved: as the file of signers names them, and the fingerprint of their key."""

    name: str
    key: str

    @property
    def words(self) -> str:
        return f"{self.name} ({self.key})"


def approvers(request: Request, signatures: Sequence[bytes], signers: Path) -> tuple[list[Approver], list[str]]:
    """Who has approved the request, and why other signatures do not count. Nobody counts twice, whether by one key or by one name."""
    found: list[Approver] = []
    objections = []
    for signature in signatures:
        one = _signer(request.text, signature, signers)
        if isinstance(one, str):
            objections.append(one)
        elif one.key in request.keys:
            objections.append(f"{one.words} asked for it, and nobody approves what they ask for")
        elif one.key in [other.key for other in found] or one.name in [other.name for other in found]:
            objections.append(f"{one.words} has approved already")
        else:
            found.append(one)
    return found, objections


def _signer(text: str, signature: bytes, signers: Path) -> Approver | str:
    """Who has signed that text; or why the signature does not count."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "signature"
        file.write_bytes(signature)
        named = _keygen("find-principals", "-s", str(file), "-f", str(signers)).splitlines()
        if not named:
            return f"a signature is of nobody in {signers}"
        name = named[0].partition(",")[0]
        said = _keygen("verify", "-f", str(signers), "-I", name, "-n", NAMESPACE, "-s", str(file), text=text)
    known = _GOOD.fullmatch(said.strip())
    return Approver(name, known[2]) if known else f"a signature of {name} is not an approval of this request"


def _keygen(action: str, *words: str, text: str = "") -> str:
    """What ssh-keygen prints; "" if it refuses."""
    done = subprocess.run(["ssh-keygen", "-Y", action, *words], input=text.encode(), capture_output=True)
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""
