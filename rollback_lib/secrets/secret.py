"""Secret values: they are read on the host, used in memory, and never shown. Only their length and a short keyed hash are shown."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping

HIDDEN = "‹hidden›"


class Secret:
    """A value that prints as HIDDEN wherever it is formatted, logged or turned into text."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes | str) -> None:
        self._value = value.encode() if isinstance(value, str) else value

    def reveal(self) -> bytes:
        """The value itself."""
        return self._value

    @property
    def digest(self) -> str:
        """A hash of the value, 16 hex digits, the same in every incident. It is slow to compute (scrypt, RFC 7914, about 50 ms), so that
        nobody who reads a record can try many values."""
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
    """The key with which a run makes its hashes of secrets.

    Each run has its own key, which is in no record. So nobody who reads a record can try out which value has a hash. A run that resumes
    or undoes another run adopts the other's key, to compare with the hashes that it left.
    """

    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value = secrets.token_bytes(32)

    def adopt(self, known: Secret) -> None:
        """Use this key of another run from now on."""
        self._value = known.reveal()

    def fingerprint(self, secret: Secret) -> str:
        """The keyed hash of a secret, 8 hex digits (HMAC-SHA256). It reveals nothing about the secret without the key."""
        return hmac.new(self._value, secret.reveal(), hashlib.sha256).hexdigest()[:8]

    def of_environment(self, environment: Mapping[str, Secret]) -> str:
        """The fingerprint of a whole environment. The order of the variables does not matter."""
        lines = (name.encode() + b"=" + value.reveal() for name, value in sorted(environment.items()))
        return self.fingerprint(Secret(b"\0".join(lines)))

    def of_environments(self, environments: Iterable[Mapping[str, Secret]]) -> tuple[str, ...]:
        """The different fingerprints of these environments, sorted."""
        return tuple(sorted({self.of_environment(one) for one in environments}))

    def reveal(self) -> bytes:
        """The key itself."""
        return self._value

    def __repr__(self) -> str:
        return HIDDEN
