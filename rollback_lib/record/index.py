"""An index of the summaries of records, in SQLite, so that many thousands are listed and searched in a second.

It proves nothing and can be removed at any time: it is made again from what it indexes.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, Self

from rollback_lib.record.chain import OPENED, SEALED
from rollback_lib.record.verdict import Verdict

# Keys of an entry that serve only as proof or to find it, and those that the index adds for statistics.
_HASHED = {
    "after", "manifest", "event", "events", "last", "bundle", "version", "stamp", "stamp_version", "stamp_of", "ended", "failed",
    "failed_at",
}  # fmt: skip
OPEN = "open"  # the verdict shown for a record that is not sealed: its run continues, or was killed
_DRILL = "drill"  # the reason that `rollback drill` gives, which tells a drill where a record does not yet say `practice`
_SHAPE = 2  # of the tables; an index of another shape is made again
_TABLES = """
    CREATE TABLE IF NOT EXISTS records
        (place TEXT PRIMARY KEY, opened TEXT, procedure TEXT, stack TEXT, verdict TEXT, summary TEXT, words TEXT,
         host TEXT, mode TEXT, ended TEXT, practice INTEGER, changed INTEGER, healthy REAL, failed TEXT, failed_at TEXT);
    CREATE INDEX IF NOT EXISTS by_time ON records (opened);
    CREATE INDEX IF NOT EXISTS for_statistics ON records
        (opened, place, procedure, stack, verdict, host, mode, ended, practice, changed, healthy, failed, failed_at);
    CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT);
"""
_COLUMNS = (
    "place", "opened", "procedure", "stack", "verdict", "summary", "words", "host", "mode", "ended", "practice", "changed", "healthy",
    "failed", "failed_at",
)  # fmt: skip
FAILED = (Verdict.PARTLY, Verdict.RESTORED, Verdict.UNKNOWN)  # verdicts of a run that may have changed the stack, and did not mend it


class Ran(NamedTuple):
    """A record, as far as statistics need it. Times are in ISO 8601 (UTC).

    `ended` is when it was sealed last, "" if it is not sealed. `practice`: it ran on a stack that serves nobody. `changed` and `healthy`
    (seconds) are as in record.json, None if that does not say. `failed` is the verdict of its first seal that was one of FAILED, and
    `failed_at` its time; "" for none.
    """

    place: str
    opened: str
    procedure: str
    stack: str
    verdict: str
    host: str
    mode: str
    ended: str
    practice: bool
    changed: bool | None
    healthy: float | None
    failed: str
    failed_at: str

    @property
    def incident(self) -> str:
        return self.place.rpartition("-")[2]


class Index:
    """The index in the file `path`, or in memory. Several processes may use it. Raises sqlite3.Error if the file is damaged, or of another
    version."""

    def __init__(self, path: Path | None) -> None:
        self._base = sqlite3.connect(path or ":memory:", timeout=10)
        shape = self._base.execute("PRAGMA user_version").fetchone()[0]
        if shape not in (0, _SHAPE):
            raise sqlite3.DatabaseError("another shape")
        if path:
            path.chmod(0o600)
        if shape == 0:
            self._base.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {_SHAPE}; COMMIT;")

    @classmethod
    def kept(cls, path: Path, read_on: Callable[["Index"], None]) -> Self:
        """The index in the file `path`, to which `read_on` has added what is new. A damaged file is rebuilt; where none can be
        used, such as in a folder that cannot be written to, the index is in memory."""
        for place in (path, path, None):
            try:
                made = cls(place)
                read_on(made)
                return made
            except (sqlite3.Error, OSError):
                if place is None:
                    raise
                with suppress(OSError):
                    place.unlink()
        raise AssertionError

    def put(self, entries: Iterable[tuple[str, Mapping[str, Any]]], notes: Mapping[str, str], forget: str = "") -> None:
        """Add entries of a chain, each with the place of its record, oldest first, and notes on what was read. What only earlier entries of
        a record have stays. Earlier notes whose names sort before `forget` are removed."""
        found: dict[str, dict[str, Any]] = {}
        for place, entry in entries:
            known = found.get(place) or self.summary(place) or {"opened": entry["at"]}
            found[place] = {**known, **entry, **_sealed(known, entry)}
        with self._base:
            self._base.executemany(
                f"INSERT INTO records VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT (place) DO UPDATE SET "
                + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in ("place", "opened")),
                (_row(place, summary) for place, summary in found.items()),
            )
            self._base.execute("DELETE FROM notes WHERE name < ?", (forget,))
            self._base.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?)", notes.items())

    def clear(self) -> None:
        """Remove everything, so that it can be made again."""
        with self._base:
            self._base.execute("DELETE FROM records")
            self._base.execute("DELETE FROM notes")

    @property
    def notes(self) -> dict[str, str]:
        """All notes on what was read."""
        return dict(self._base.execute("SELECT name, value FROM notes"))

    def summary(self, place: str) -> dict[str, Any] | None:
        """All that is known of the record at `place`, None if nothing is."""
        row = self._base.execute("SELECT summary FROM records WHERE place = ?", (place,)).fetchone()
        return dict(json.loads(row[0])) if row else None

    def ending(self, name: str) -> list[str]:
        """The places of the records whose folder has that name, or ends with it after a dash."""
        rows = self._base.execute("SELECT place FROM records WHERE place LIKE '%' || ?", (name,))
        return [row[0] for row in rows if row[0].rpartition("/")[2] == name or row[0].endswith("-" + name)]

    def find(
        self, *, procedure: str = "", stack: str = "", verdict: str = "", since: date | None = None, until: date | None = None,
        text: str = "", most: int = -1,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Summaries of the records that match, newest first, and no more than `most`, if that is not negative.

        `procedure`, `stack` and `verdict` must be equal, "" for any. The record was opened on a day (UTC) from `since` to `until`, both
        included. `text` must occur in any value of the summary; case does not matter.
        """
        asked = {
            "procedure = ?": procedure, "stack = ?": stack, "verdict = ?": verdict, "instr(words, ?)": text.casefold(),
            "substr(opened, 1, 10) >= ?": str(since or ""), "substr(opened, 1, 10) <= ?": str(until or ""),
        }  # fmt: skip
        having = {condition: value for condition, value in asked.items() if value}
        query = f"SELECT summary FROM records WHERE {' AND '.join(['TRUE', *having])} ORDER BY opened DESC, rowid DESC LIMIT ?"
        summaries = map(_shown, (json.loads(row[0]) for row in self._base.execute(query, (*having.values(), most))))
        return [{name: value for name, value in one.items() if name not in _HASHED} for one in summaries]

    def ran(self, *, stack: str = "", since: date | None = None) -> Iterator[Ran]:
        """The records of a stack, "" for any, that were opened on the day (UTC) `since` or later, oldest first."""
        having = "(stack = ? OR ? = '') AND opened >= ?"
        query = f"SELECT {', '.join(Ran._fields)} FROM records WHERE {having} ORDER BY opened, place"
        return map(Ran._make, self._base.execute(query, (stack, stack, str(since or ""))))


def _sealed(known: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """When the record was sealed, and its first failure, which a later seal no longer tells."""
    if entry["event"] != SEALED:
        return {"ended": ""} if entry["event"] == OPENED else {}
    failed = {"failed": entry["verdict"], "failed_at": entry["at"]} if entry.get("verdict") in FAILED and "failed" not in known else {}
    return {"ended": entry["at"], **failed}


def _shown(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The summary, whose verdict is OPEN if the record is not sealed and has none yet."""
    verdict = summary.get("verdict", Verdict.UNKNOWN)
    return {**summary, "verdict": OPEN if summary["event"] == OPENED and verdict == Verdict.UNKNOWN else verdict}


def _row(place: str, summary: Mapping[str, Any]) -> tuple[Any, ...]:
    """The columns of a record. A value of a type that nobody writes there becomes text, or counts as not known."""
    shown = _shown(summary)
    words = "\n".join(str(value).casefold() for name, value in shown.items() if name not in _HASHED)
    opened, procedure, stack, verdict, host, mode, ended, failed, failed_at = (
        str(shown.get(name, "")) for name in ("opened", "procedure", "stack", "verdict", "host", "mode", "ended", "failed", "failed_at")
    )
    changed, seconds = shown.get("changed"), shown.get("healthy_seconds")
    measured = (
        bool(shown.get("practice", shown.get("because") == _DRILL)), None if changed is None else bool(changed),
        float(seconds) if isinstance(seconds, int | float) else None,
    )  # fmt: skip
    return (place, opened, procedure, stack, verdict, json.dumps(summary), words, host, mode, ended, *measured, failed, failed_at)
