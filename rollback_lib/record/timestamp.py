"""Timestamps (RFC 3161): an authority elsewhere signs that a manifest existed at a time.

A manifest holds the head of the chain, so its timestamp holds for all that was entered before: nobody can write that part of the chain
again later, not even who owns it and its signing key.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rollback_lib.errors import ParameterError, RollbackError
from rollback_lib.record.chain import SEALED, Chain
from rollback_lib.record.contents import FILE, STAMP
from rollback_lib.text import times

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

VARIABLE = "ROLLBACK_TIMESTAMP_AUTHORITY"  # the address that gives timestamps; none are asked for unless it is set
_EXTRA = "pip install 'rollback-runbooks[timestamps]'"
_DEADLINE = 15.0  # seconds for one timestamp
_LATE, _EARLY = timedelta(days=1), timedelta(minutes=5)  # how far a timestamp may be from what the chain says of its seal
_GRANTED = 0


class NotStamped(RollbackError):
    """A record has no timestamp yet, because the authority gave none."""


@dataclass(frozen=True)
class Checked:
    """What came of checking a timestamp: whether it is `right`, as far as could be seen. `wrong` says what is wrong with it; `doubt` what a
    person should look at, such as that it is much later than the seal."""

    right: bool
    wrong: str = ""
    doubt: str = ""


def wanted() -> bool:
    """Whether records are to have timestamps."""
    return bool(os.environ.get(VARIABLE))


def stamp_missing(root: Path) -> list[str]:
    """Get a timestamp for the newest sealed record in `root`, and for those that should have one: all after the first that has. Returns
    their folders, from `root`. Does nothing unless ROLLBACK_TIMESTAMP_AUTHORITY is set. Raises NotStamped, ParameterError."""
    named = os.environ.get(VARIABLE)
    if not named:
        return []
    if not re.fullmatch(r"https?://[^\s@?#]+", named):
        raise ParameterError(f"{VARIABLE}: an http or https address without user, password or query is expected")
    latest = Chain(root).latest()
    sealed = [place for place, record in latest.items() if record["event"] == SEALED and (root / place / FILE).is_file()]
    have = [(root / place / STAMP).is_file() for place in sealed]
    first = have.index(True) if any(have) else len(sealed) - 1
    missing = [place for place, has in list(zip(sealed, have, strict=True))[max(first, 0) :] if not has]
    for place in missing:
        _stamp(root / place, named)
    return missing


def check(folder: Path, authority: Path | None, sealed: datetime) -> Checked:
    """Check the timestamp of the record in `folder`, which was sealed at `sealed` as the chain says.

    `authority` is a file of certificates (PEM) that are trusted: the root, and whatever else is between it and the timestamp. Without
    it, only check that the timestamp is of this manifest.
    """
    manifest = (folder / FILE).read_bytes()
    try:
        answer = _decoded((folder / STAMP).read_bytes())
    except ImportError:
        return Checked(False, doubt=f"its timestamp is not verified, since rfc3161-client is not installed; run `{_EXTRA}`")
    except ValueError:
        return Checked(False, "its timestamp cannot be read")
    if not _of(manifest, answer):
        return Checked(False, "its timestamp is not of this manifest")
    if authority and not _trusted(answer, manifest, certificates(authority)):
        return Checked(False, f"its timestamp is of nobody in {authority}")
    at = answer.tst_info.gen_time
    if at - sealed > _LATE or sealed - at > _EARLY:
        doubt = f"its timestamp is of {times.minute(at)}, and the chain says that it was sealed {times.minute(sealed)}"
        return Checked(True, doubt=doubt)
    return Checked(True)


def certificates(authority: Path) -> "list[Certificate]":
    """The certificates in a file. Raises ParameterError, which names it, if there are none, or if no timestamp can be verified here."""
    from cryptography.x509 import load_pem_x509_certificates

    if find_spec("rfc3161_client") is None:
        raise ParameterError(f"timestamps need rfc3161-client, which is not installed; run `{_EXTRA}`")
    try:
        return load_pem_x509_certificates(authority.read_bytes())
    except (OSError, ValueError):
        raise ParameterError(f"there are no certificates (PEM) of a timestamp authority in {authority}") from None


def _stamp(folder: Path, authority: str) -> None:
    """Get a timestamp for the manifest in `folder`, and keep it beside the manifest."""
    manifest = (folder / FILE).read_bytes()
    answer = _asked(authority, manifest)
    part = folder / f".{STAMP}.part"
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(answer)
        os.fsync(file.fileno())
    if (folder / FILE).read_bytes() == manifest:  # it was not sealed again meanwhile
        part.replace(folder / STAMP)
    else:
        part.unlink()


def _asked(authority: str, manifest: bytes) -> bytes:
    """The answer of the authority, once it is found to be a timestamp of this manifest. Its own certificate is in it, unless we cannot read
    the answer with it: OpenSSL puts several in an order that our library does not take."""
    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
    except ImportError:
        raise NotStamped(f"timestamps need rfc3161-client, which is not installed; run `{_EXTRA}`") from None
    import httpx

    for with_certificate in (True, False):
        request = TimestampRequestBuilder(manifest, HashAlgorithm.SHA256).cert_request(cert_request=with_certificate).build()
        try:
            said = httpx.post(
                authority, content=request.as_bytes(), headers={"Content-Type": "application/timestamp-query"}, timeout=_DEADLINE
            )
        except httpx.HTTPError as error:
            raise NotStamped(f"{authority} gives no timestamp ({type(error).__name__}); the next run asks again") from None
        try:
            answer = _decoded(said.content)
        except ValueError:
            continue
        if said.status_code == 200 and _of(manifest, answer) and answer.tst_info.nonce == request.nonce:
            return said.content
        break
    raise NotStamped(f"{authority} answers {said.status_code}, and not with a timestamp of what it was given; the next run asks again")


def _decoded(content: bytes) -> "TimeStampResponse":
    """Raises ValueError."""
    from rfc3161_client import decode_timestamp_response

    return decode_timestamp_response(content)


def _of(manifest: bytes, answer: "TimeStampResponse") -> bool:
    """Whether the answer is a timestamp, and of this manifest."""
    return answer.status == _GRANTED and answer.tst_info.message_imprint.message == hashlib.sha256(manifest).digest()


def _trusted(answer: "TimeStampResponse", manifest: bytes, known: "list[Certificate]") -> bool:
    """Whether one of these authorities has signed it. Certificates have to be valid at the time of the timestamp, not now."""
    from rfc3161_client import VerificationError, VerifierBuilder

    roots = [one for one in known if one.issuer == one.subject]
    others = [one for one in known if one.issuer != one.subject]
    own = None if answer.signed_data.certificates else next((one for one in others if _stamps(one)), None)
    if not roots:
        return False
    try:
        builder = VerifierBuilder(roots=roots, intermediates=others, tsa_certificate=own)
        return builder.build().verify_message(answer, manifest)
    except (VerificationError, ValueError):
        return False


def _stamps(certificate: "Certificate") -> bool:
    """Whether it is a certificate to sign timestamps with."""
    from cryptography.x509 import ExtendedKeyUsage, ExtensionNotFound
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        use = certificate.extensions.get_extension_for_class(ExtendedKeyUsage)
    except ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.TIME_STAMPING in use.value
