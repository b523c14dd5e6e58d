"""Checks a host certificate against the authorities in known_hosts (`@cert-authority`). `ssh-keygen -L` reads the certificate."""

import base64
import hashlib
import subprocess
from collections.abc import Collection
from datetime import datetime

# The certificate types of the host keys that paramiko supports.
KINDS = tuple(
    f"{kind}-cert-v01@openssh.com"
    for kind in ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256")
)


def objection(blob: bytes, authorities: Collection[str], name: str) -> str:
    """Why the certificate `blob` does not prove that this is the host `name`; "" when it does.

    `authorities` are the public keys of the trusted authorities, in base64. The signature itself is checked by ssh-keygen, which
    reads no certificate with a bad one (sshkey.c, cert_parse).
    """
    kind = blob[4 : 4 + int.from_bytes(blob[:4], "big")].decode(errors="replace")
    text = f"{kind} {base64.b64encode(blob).decode()}\n"
    shown = subprocess.run(["ssh-keygen", "-L", "-f", "-"], input=text, capture_output=True, text=True, check=False)
    if shown.returncode:
        return "it has no certificate that can be read"
    fields, principals = _read(shown.stdout)
    if not fields.get("Type", "").endswith(" host certificate"):
        return "its certificate is not one for hosts"
    if fields.get("Signing CA", " ").split()[1:2] not in ([_fingerprint(key)] for key in authorities):
        return "its certificate was signed by another authority"
    if principals and name not in principals:
        return f"its certificate is for {', '.join(principals)}"
    if not _now_in(fields.get("Valid", "")):
        return f"its certificate is valid {fields.get('Valid', 'at no time')}"
    if fields.get("Critical Options") != "(none)":
        return "its certificate has critical options"
    return ""


def _read(shown: str) -> tuple[dict[str, str], list[str]]:
    """The fields in the output of `ssh-keygen -L`, by name, and the host names it lists under Principals, one per line."""
    fields: dict[str, str] = {}
    principals: list[str] = []
    field = ""
    for line in shown.splitlines()[1:]:
        if line.startswith(" " * 9):
            if field == "Principals":
                principals.append(line.strip())
            continue
        field, _, value = line.strip().partition(":")
        fields[field] = value.strip()
    return fields, principals


def _fingerprint(key: str) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(base64.b64decode(key)).digest()).decode().rstrip("=")


def _now_in(span: str) -> bool:
    """Whether the present moment is in `span`: `forever`, or `[from|after MOMENT] [to|before MOMENT]` in local time."""
    words = span.split()
    if words == ["forever"]:
        return True
    moments = {word: datetime.fromisoformat(moment) for word, moment in zip(words[::2], words[1::2], strict=True)}
    now = datetime.now()
    starts = [moment for word, moment in moments.items() if word in ("from", "after")]
    ends = [moment for word, moment in moments.items() if word in ("to", "before")]
    return bool(moments) and all(start <= now for start in starts) and all(now < end for end in ends)
