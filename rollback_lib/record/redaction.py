"""Takes secrets, and what could act on a terminal, out of text before it is shown or kept."""

import re

HIDDEN = "‹redacted›"

_NAMES = r"\w*(?:password|passwd|secret|token|api_?key|private_?key)\w*"
_SECRETS = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"(?<=://)[^\s/:@]*:[^\s@]+(?=@)"), HIDDEN),
    (re.compile(r"\b(sk-[\w-]{8,}|gh[pousr]_\w{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abpors]-[\w-]{8,}|AKIA[0-9A-Z]{16})"), HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), HIDDEN),
    (re.compile(r"(?i)\b(authorization:\s*\w+|bearer)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(rf"(?i)\b({_NAMES}[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;}}]+)"), rf"\1{HIDDEN}"),
)  # fmt: skip
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """`text` without secrets of well-known shapes, escape sequences and control characters other than tab and newline."""
    text = _CONTROLS.sub("", _ESCAPES.sub("", text))
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def clean_all(value: object) -> object:
    """`clean` for every text in a structure of dicts and lists."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): clean_all(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_all(item) for item in value]
    return value
