"""Masks secrets in text before it is shown or kept, and removes control characters that could act on a terminal."""

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from urllib.parse import quote

HIDDEN = "‹redacted›"

_NAMES = r"\w*(?:password|passwd|secret|token|api_?key|private_?key)\w*"
_BEGIN, _END = (rf"-----{word} [A-Z ]*PRIVATE KEY(?: BLOCK)?-----" for word in ("BEGIN", "END"))
_SECRETS = (
    (re.compile(rf"{_BEGIN}.*?({_END}|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"(?<=://)[^\s/:@]*:[^\s@]+(?=@)"), HIDDEN),
    (re.compile(r"\b(sk-[\w-]{8,}|gh[pousr]_\w{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abpors]-[\w-]{8,}|AKIA[0-9A-Z]{16})"), HIDDEN),
    # Compose takes what follows a dollar sign in a password for the name of a variable, and prints it in a warning.
    (re.compile(r'(?<=The \\")\w+(?=\\" variable is not set)|(?<=The ")\w+(?=" variable is not set)'), HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), HIDDEN),
    (re.compile(r"(?i)\b(authorization:\s*\w+|bearer)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(rf"(?i)\b({_NAMES}[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;}}]+)"), rf"\1{HIDDEN}"),
)  # fmt: skip
_KEY_BEGINS, _KEY_ENDS = re.compile(_BEGIN), re.compile(_END)
# A line of a private key ends in a word of Base64, quoted or not. The last lines of a key may be too short to be recognised.
_KEY_LINE = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/=]{16,}+(?:\\[nr]|\W)*+\Z")
_LAST_LINES = 2
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


# Words that records are made of, and values that are no secret by themselves. If they were hidden, the rest would be unreadable.
_PLAIN = re.compile(
    "true|false|yes|no|on|off|none|null|auto|debug|info|warn|warning|error|trace|localhost|production|staging|development|test|code|image|"
    "env|caddyfile|plan|apply|undo|stop|refuse|save|running|healthy|bad|planned|succeeded|refused|aborted|unknown|\\d{1,3}",
    re.IGNORECASE,
)
_SHORTEST = 4  # characters; a shorter value cannot be told from ordinary words, and is not hidden
_WHOLE_WORD = 8  # characters; a shorter value is hidden only as a whole word


class Redactor:
    """The secrets that one run knows, which it masks in everything that it shows and keeps.

    `public` is the text of the stack file. A value that is part of it is not secret, unless a person declared it so.
    """

    def __init__(self, public: str = "") -> None:
        self._public = public
        self._values: set[str] = set()
        self._protected: re.Pattern[str] | None = None
        self._learning = threading.Lock()

    def protect(self, values: Iterable[str], *, declared: bool = False) -> None:
        """Mask these values from now on. Values that a person `declared` to be secret are masked even if they are in the public text."""
        forms = {form for value in values for part in (value, *_long_lines(value)) for form in _forms(part.strip())}
        with self._learning:
            new = {form for form in forms - self._values if _distinctive(form) and (declared or form not in self._public)}
            if not new:
                return
            self._values |= new
            longest_first = sorted(self._values, key=len, reverse=True)
            parts = (re.escape(form) if len(form) >= _WHOLE_WORD else rf"(?<!\w){re.escape(form)}(?!\w)" for form in longest_first)
            self._protected = re.compile("|".join(parts))

    def hide(self, text: str) -> str:
        """`text` with the known secrets masked, and nothing else changed."""
        return self._protected.sub(HIDDEN, text) if self._protected else text

    def clean(self, text: str) -> str:
        """`text` with the known secrets masked, and also all that the function `clean` of this module masks and removes."""
        return _without_shapes(self.hide(without_controls(text)))

    def clean_lines(self, lines: Sequence[str]) -> list[str | None]:
        """`clean` for consecutive lines. None for each line inside of a private key, which may have begun before the first line."""
        stream, inside = self.stream(), _rest_of_key(lines) or range(0)
        return [None if number in inside else stream.line(line) for number, line in enumerate(lines)]

    def clean_all(self, value: object) -> object:
        """`clean` for every text in a structure of dicts and lists. The texts in a list may be consecutive lines."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, dict):
            return {str(key): self.clean_all(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return _with_texts(value, iter(self.clean_lines(list(_texts(value)))))
        return value

    def stream(self, *, in_key: bool = False) -> "Stream":
        """`clean` for lines that come one at a time. With `in_key`, the first line is inside of a private key."""
        return Stream(self.clean, in_key=in_key)


def clean(text: str) -> str:
    """`text` with secrets of well-known shapes masked, and without escape sequences and control characters other than tab and newline.

    For text that belongs to no run, or comes from a record, in which the run's own secrets are masked already.
    """
    return _without_shapes(without_controls(text))


def without_controls(text: str) -> str:
    """`text` without escape sequences and control characters other than tab and newline."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


def _without_shapes(text: str) -> str:
    if _KEY_ENDS.search(text):
        lines = text.split("\n")
        inside = _rest_of_key(lines)
        if inside is not None:
            after = lines[inside.stop :]
            text = "\n".join([*lines[: inside.start], _KEY_ENDS.sub(HIDDEN, after[0], count=1), *after[1:]])
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def _rest_of_key(lines: Sequence[str]) -> range | None:
    """The numbers of the lines that belong to a private key whose first line is missing, as in the last lines of a log. The line that ends
    the key is not among them. None if the lines do not begin inside of a key."""
    for number, line in enumerate(lines):
        end = _KEY_ENDS.search(line)
        if _KEY_BEGINS.search(line[: end.start()] if end else line):
            return None
        if end:
            first = number
            while first and (number - first < _LAST_LINES or _KEY_LINE.search(lines[first - 1])):
                first -= 1
            return range(first, number)
    return None


def _texts(value: object) -> Iterator[str]:
    """All texts in a structure, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _with_texts(value: object, texts: Iterator[str | None]) -> object:
    """The structure with its texts replaced by `texts`, in order. A text that is None is left out of a list, and masked elsewhere."""
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, dict):
        made = ((str(key), item, _with_texts(item, texts)) for key, item in value.items())
        return {key: HIDDEN if new is None and item is not None else new for key, item, new in made}
    if isinstance(value, list | tuple):
        listed = ((item, _with_texts(item, texts)) for item in value)
        return [new for item, new in listed if new is not None or item is None]
    return value


def _distinctive(form: str) -> bool:
    """Whether a value can be told from ordinary words."""
    return len(form) >= _SHORTEST and not _PLAIN.fullmatch(form)


def _long_lines(value: str) -> list[str]:
    """The long lines of a value of several lines. Each is masked by itself, as a stream shows one line at a time."""
    lines = value.strip().splitlines()
    return [line for line in lines if len(line.strip()) >= _WHOLE_WORD] if len(lines) > 1 else []


def _forms(value: str) -> Iterable[str]:
    """A value in all forms in which it may appear: as it is, without control characters, in JSON with and without escapes, in a URL."""
    yield from (value, without_controls(value), json.dumps(value, ensure_ascii=False)[1:-1], json.dumps(value)[1:-1])
    yield from (quote(value), quote(value, safe=""))


class Stream:
    """`clean` for lines that come one at a time. A private key is recognised from its first line to its last. `in_key` is whether the next
    line belongs to a key."""

    def __init__(self, clean: Callable[[str], str], *, in_key: bool = False) -> None:
        self._clean = clean
        self.in_key = in_key

    def skip(self, text: str) -> None:
        """Take account of a line that is neither shown nor kept. It may begin or end a private key."""
        if "PRIVATE KEY" in text:
            self.line(text)

    def line(self, text: str) -> str | None:
        """The line as it may be shown and kept; None for a line of a private key."""
        text = without_controls(text)
        if self.in_key:
            end = _KEY_ENDS.search(text)
            if end is None:
                return None
            self.in_key = False
            return self.line(text[end.end() :]) or None
        begin = list(_KEY_BEGINS.finditer(text))
        self.in_key = bool(begin) and not _KEY_ENDS.search(text, begin[-1].end())
        return self._clean(text)
