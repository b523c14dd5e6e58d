"""Which dumps on a host are backups of which database: by the lines that make them, and by their names."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rollback_lib.discovery.fitting import PATTERN, fits
from rollback_lib.facts.schedules import Dump

# Of a name, what is another one in the next backup: dates, times, numbers of four digits and more.
_CHANGES = re.compile(r"\d{4}[-_.]?\d{2}[-_.]?\d{2}([-_.T]?\d{2}[-_.:h]?\d{2}([-_.:m]?\d{2})?)?Z?|\d{4,}")
_WORD = re.compile(r"""(?:\$\([^()]*\)|`[^`]*`|\$\{[^}]*\}|"(?:\$\([^()]*\)|[^"])*"|'[^']*'|[^\s;|&<>()"'`])+""")
_TO = re.compile(r">>?\s*|(?:^|\s)(?:-f\s*|--(?:result-)?file[=\s]\s*)")
_UNKNOWN = re.compile(r"\$\([^()]*\)|`[^`]*`|\$\{[^}]*\}|\$\w+|\\?%\w")


@dataclass(frozen=True)
class Pattern:
    """Where the backups of a database are, by the pattern of the stack file; `where` it was found, or why it is a `guess`."""

    pattern: str
    where: str
    guess: str = ""


def written_to(dump: Dump) -> str:
    """The pattern of the files that a line writes; "" where that cannot be read from it."""
    paths = dict(dump.paths)
    for place in reversed(list(_TO.finditer(dump.line))):
        word = _WORD.match(dump.line, place.end())
        if not word:
            continue
        text = re.sub(r"\$\{?(\w+)\}?", lambda one: paths.get(one[1], one[0]), word[0].replace('"', "").replace("'", ""))
        pattern = re.sub(r"\*+", "*", _UNKNOWN.sub("*", text.replace(r"\%", "%")))
        if fits(PATTERN, pattern) and not pattern.startswith("/dev/"):
            return pattern
    return ""


def pattern(names: Sequence[str], dumps: Iterable[Dump], paths: Sequence[str], others: Iterable[str]) -> Pattern | None:
    """Of a database that is called by any of `names` (the most telling first), with others on the host called `others`: the pattern of
    its backups, by the lines that make them, else by the `paths` that there are, newest first."""
    for dump in dumps:
        made = written_to(dump)
        if made and _calls(dump.line, names) and _about(dump.line + made, names, others):
            return Pattern(made, f"written by {dump.by}" + ("" if dump.file == dump.by else f", in {dump.file}"))
    for path in paths:
        folder, _, name = path.rpartition("/")
        if _about(name, names, others) or _about(folder.rpartition("/")[2], names, others):
            made = f"{folder}/{_general(name)}"
            if fits(PATTERN, made):
                return Pattern(made, "", f"by the name of {path}; what makes it was not found")
    return None


def _calls(line: str, names: Sequence[str]) -> bool:
    return any(_has(line, name) for name in names)


def _about(text: str, names: Iterable[str], others: Iterable[str]) -> bool:
    """Whether one of the names is in the text, and no longer one of another database."""
    mine = max((len(one) for one in names if _has(text, one)), default=0)
    return mine > max((len(one) for one in others if _has(text, one)), default=0)


def _has(text: str, name: str) -> bool:
    return re.search(rf"(?<![a-z0-9]){re.escape(name.lower())}(?![a-z0-9])", text.lower()) is not None


def _general(name: str) -> str:
    """A name with `*` for what is another one next time. What is before that is enough, if there is something."""
    found = _CHANGES.search(name)
    if not found:
        return name
    return f"{name[: found.start()]}*" if found.start() else _CHANGES.sub("*", name)
