"""Bytes that are read on the host, worked with in memory, and never shown: they have a length and a short keyed hash."""

import hashlib
import hmac
import secrets

HIDDEN = "‹hidden›"
# Of one incident alone: nobody who reads a record can try out which value gives its hash.
_key = secrets.token_bytes(32)


def key() -> bytes:
    """The key of the hashes of this run."""
    return _key


def use_key(known: bytes) -> None:
    """Hash with the key of the run that this one goes on with."""
    global _key
    _key = known


class Secret:
    """A value that prints as HIDDEN wherever it is formatted, logged or made JSON of."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes | str) -> None:
        self._value = value.encode() if isinstance(value, str) else value

    def reveal(self) -> bytes:
        """The value itself."""
        return self._value

    @property
    def fingerprint(self) -> str:
        """8 hex digits that are the same for the same value within one incident, and tell nothing of it."""
        return hmac.new(_key, self._value, hashlib.sha256).hexdigest()[:8]

    @property
    def digest(self) -> str:
        """16 hex digits that are the same for the same value in every incident. They are costly to make (scrypt, RFC 7914, about
        50 ms), so that nobody who reads a record can try out many values."""
        return hashlib.scrypt(self._value, salt=b"rollback", n=2**14, r=8, p=1, dklen=8).hex()

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__


def fingerprint(environment: "dict[str, Secret]") -> str:
    """The short keyed hash of a whole environment, whatever the order of its variables."""
    lines = (key.encode() + b"=" + value.reveal() for key, value in sorted(environment.items()))
    return Secret(b"\0".join(lines)).fingerprint
