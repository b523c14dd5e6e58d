"""Host certificates: whether a key is certified by an authority of known_hosts (`@cert-authority`), by asking OpenSSH what is in it."""

import base64
import hashlib
import subprocess
from collections.abc import Collection
from datetime import datetime

# Of the host keys that paramiko knows.
KINDS = tuple(
    f"{kind}-cert-v01@openssh.com"
    for kind in ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256")
)


def objection(blob: bytes, authorities: Collection[str], name: str) -> str:
    """Why a certificate does not prove that this is the host `name`; "" when it does. `authorities` are their keys in base64.

    ssh-keygen refuses one whose signature is not that of the key it names (sshkey.c, cert_parse).
    """
    kind = blob[4 : 4 + int.from_bytes(blob[:4], "big")].decode(errors="replace")
    text = f"{kind} {base64.b64encode(blob).decode()}\n"
    shown = subprocess.run(["ssh-keygen", "-L", "-f", "-"], input=text, capture_output=True, text=True, check=False)
    if shown.returncode:
        return "it has no certificate that can be read"
    told, principals = _read(shown.stdout)
    if not told.get("Type", "").endswith(" host certificate"):
        return "its certificate is not one for hosts"
    if told.get("Signing CA", " ").split()[1:2] not in ([_fingerprint(one)] for one in authorities):
        return "its certificate was signed by another authority"
    if principals and name not in principals:
        return f"its certificate is for {', '.join(principals)}"
    if not _now_in(told.get("Valid", "")):
        return f"its certificate is valid {told.get('Valid', 'at no time')}"
    if told.get("Critical Options") != "(none)":
        return "its certificate has critical options"
    return ""


def _read(shown: str) -> tuple[dict[str, str], list[str]]:
    """The fields by name, and the names of hosts, each on a line of its own."""
    told: dict[str, str] = {}
    principals: list[str] = []
    field = ""
    for line in shown.splitlines()[1:]:
        if line.startswith(" " * 9):
            if field == "Principals":
                principals.append(line.strip())
            continue
        field, _, value = line.strip().partition(":")
        told[field] = value.strip()
    return told, principals


def _fingerprint(key: str) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(base64.b64decode(key)).digest()).decode().rstrip("=")


def _now_in(span: str) -> bool:
    """`forever`, or `[from|after MOMENT] [to|before MOMENT]` in local time."""
    words = span.split()
    if words == ["forever"]:
        return True
    moments = {word: datetime.fromisoformat(moment) for word, moment in zip(words[::2], words[1::2], strict=True)}
    now = datetime.now()
    starts = [moment for word, moment in moments.items() if word in ("from", "after")]
    ends = [moment for word, moment in moments.items() if word in ("to", "before")]
    return bool(moments) and all(one <= now for one in starts) and all(now < one for one in ends)
