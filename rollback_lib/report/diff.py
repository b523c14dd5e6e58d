"""A diff as people know it: by file, the lines that go beside those that come; env variables by key."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import zip_longest

LONGEST = 2000  # lines of a diff that is shown so; a longer one stays text
_FILE = re.compile(r"diff --git a/(.+) b/(.+)")
_PATH = re.compile(r"(?:---|\+\+\+) (?:[ab]/)?([^\t]+)")
_PART = re.compile(r"(@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@) ?(.*)")
_VARIABLE = re.compile(r"([~+-]) (\w+): (.*) → (.*?)(  \(.*\))?")
_UNSAID = ("index ", "\\ ")  # what git tells for programs


@dataclass(frozen=True)
class Row:
    """The line as it is and the line as it becomes. `kind` is `same`, `changed`, `gone` or `new`; or `head`, for what `before` says about
    the lines below."""

    kind: str
    before: str = ""
    after: str = ""


@dataclass
class File:
    """A file with its rows. Its name is "" for lines that belong to no file, as a summary."""

    name: str
    rows: list[Row] = field(default_factory=list)

    @property
    def counts(self) -> str:
        """How many lines come and go."""
        come, go = (sum(row.kind in (kind, "changed") for row in self.rows) for kind in ("new", "gone"))
        return f"+{come} −{go}"


def files(text: str) -> list[File]:
    """The files of a diff, in its order; none of one that is longer than LONGEST lines."""
    lines = text.splitlines()
    return _Reader().read(lines) if len(lines) <= LONGEST else []


class _Reader:
    """Reads a diff line by line. `before` and `after` are how many lines of the part are still to come, `gone` and `come` those that
    stand one below the other and are to be shown side by side."""

    def __init__(self) -> None:
        self._files = [File("")]
        self._before = self._after = 0
        self._gone: list[str] = []
        self._come: list[str] = []

    def read(self, lines: Iterable[str]) -> list[File]:
        for line in lines:
            if self._before > 0 or self._after > 0:
                self._inside(line)
            else:
                self._settle()
                self._between(line)
        self._settle()
        return [file for file in self._files if file.rows]

    def _inside(self, line: str) -> None:
        if line.startswith("-"):
            if self._come:
                self._settle()
            self._gone.append(line[1:])
            self._before -= 1
        elif line.startswith("+"):
            self._come.append(line[1:])
            self._after -= 1
        elif not line.startswith(_UNSAID):
            self._settle()
            self._files[-1].rows.append(Row("same", line[1:], line[1:]))
            self._before, self._after = self._before - 1, self._after - 1

    def _between(self, line: str) -> None:
        rows = self._files[-1].rows
        if part := _PART.fullmatch(line):
            lines, gone, come, where = part.groups()
            self._before, self._after = (int(1 if many is None else many) for many in (gone, come))
            rows.append(Row("head", f"{where}  {lines}" if where else lines))
        elif named := _FILE.fullmatch(line):
            self._files.append(File(named[2]))
        elif path := _PATH.fullmatch(line):
            self._name(path[1], begins=line.startswith("---"))
        elif variable := _VARIABLE.fullmatch(line):
            sign, key, old, new, remark = variable.groups("")
            kind = {"~": "changed", "+": "new", "-": "gone"}[sign]
            rows.append(Row(kind, f"{key}: {old}{remark}" if sign != "+" else "", f"{key}: {new}{remark}" if sign != "-" else ""))
        elif line.strip() and not line.startswith(_UNSAID):
            self._apart()
            self._files[-1].rows.append(Row("head", line))

    def _apart(self) -> None:
        """What comes now belongs to no file whose parts were read, as in the plan of a release, which has several diffs."""
        if any(row.kind != "head" for row in self._files[-1].rows):
            self._files.append(File(""))

    def _name(self, name: str, *, begins: bool) -> None:
        """A line with a name, above the first part of a file. A diff that git did not make has only these."""
        if begins and (self._files[-1].name == "" or any(row.kind != "head" for row in self._files[-1].rows)):
            self._files.append(File(name))
        elif name != "/dev/null":
            self._files[-1].name = name

    def _settle(self) -> None:
        for old, new in zip_longest(self._gone, self._come):
            kind = "new" if old is None else "gone" if new is None else "changed"
            self._files[-1].rows.append(Row(kind, old or "", new or ""))
        self._gone, self._come = [], []
