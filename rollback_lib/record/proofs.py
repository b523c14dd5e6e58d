"""What proves a sealed record beside the chain: its signature and its timestamp."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rollback_lib.errors import ParameterError
from rollback_lib.record import signature, timestamp
from rollback_lib.record.contents import SIGNATURE, STAMP

UNSTAMPED = "it has no timestamp"


@dataclass(frozen=True)
class Proven:
    """The proofs of a record: whether it is `signed` and `stamped`. `wrong` are sentences on what somebody must have changed; `doubts`
    on what a person should look at."""

    signed: bool = False
    stamped: bool = False
    wrong: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Demanded:
    """What is demanded of sealed records: a signature of one of the `signers`, an allowed_signers file (ssh-keygen(1)); a timestamp of the
    `authority`, a file of certificates (PEM). What is not demanded is checked as far as it goes without."""

    signers: Path | None = None
    authority: Path | None = None

    def check(self) -> None:
        """Raises ParameterError, which names the file, if one cannot be used."""
        if self.signers is not None and not self.signers.is_file():
            raise ParameterError(f"there is no file of allowed signers at {self.signers}")
        if self.authority is not None:
            timestamp.certificates(self.authority)

    def unstamped(self, found: Sequence[Proven]) -> list[int]:
        """Which records, given by their proofs in the order of their seals, lack a timestamp. A timestamp proves all that was sealed before
        it, so those before the first need none. A wrong one is told of by itself."""
        has = [one.stamped or bool(one.wrong) for one in found]
        first = has.index(True) if any(has) else 0
        return [number for number, one in enumerate(has) if not one and number >= first] if self.authority else []


def prove(folder: Path, sealed: datetime, demanded: Demanded) -> Proven:
    """Check the proofs of the record in `folder`, which was sealed at `sealed` as the chain says."""
    signed, stamped = (folder / SIGNATURE).is_file(), (folder / STAMP).is_file()
    objection = signature.objection(folder, demanded.signers) if signed or demanded.signers else None
    if not stamped:
        return Proven(signed and not objection, wrong=(objection,) if objection else ())
    found = timestamp.check(folder, demanded.authority, sealed)
    wrong = tuple(filter(None, (objection, found.wrong)))
    return Proven(signed and not objection, found.right, wrong, tuple(filter(None, (found.doubt,))))
