"""Bytes that are read on the host, worked with in memory, and never shown: they have a length and a short keyed hash."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping

HIDDEN = "‹hidden›"


class Secret:
    """A value that prints as HIDDEN wherever it is formatted, logged or made JSON of."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes | str) -> None:
        self._value = value.encode() if isinstance(value, str) else value

    def reveal(self) -> bytes:
        """The value itself."""
        return self._value

    @property
    def digest(self) -> str:
        """16 hex digits that are the same for the same value in every incident. They are expensive to make (scrypt, RFC 7914, about
        50 ms), so that nobody who reads a record can try many values."""
        return hashlib.scrypt(self._value, salt=b"rollback", n=2**14, r=8, p=1, dklen=8).hex()

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__


class Key:
    """What one run makes its hashes of secrets with. It is of that run alone: nobody who reads a record can try out which value gives
    a hash. A run that resumes or undoes another one compares with what that one left, and adopts its key."""

    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value = secrets.token_bytes(32)

    def adopt(self, known: Secret) -> None:
        """Make the hashes that the run with this key made."""
        self._value = known.reveal()

    def fingerprint(self, secret: Secret) -> str:
        """8 hex digits that are the same for the same value, and tell nothing of it."""
        return hmac.new(self._value, secret.reveal(), hashlib.sha256).hexdigest()[:8]

    def of_environment(self, environment: Mapping[str, Secret]) -> str:
        """The fingerprint of a whole environment, whatever the order of its variables."""
        lines = (name.encode() + b"=" + value.reveal() for name, value in sorted(environment.items()))
        return self.fingerprint(Secret(b"\0".join(lines)))

    def reveal(self) -> bytes:
        """The key itself."""
        return self._value

    def __repr__(self) -> str:
        return HIDDEN
