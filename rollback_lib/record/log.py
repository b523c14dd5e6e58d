"""Logs: files with a line of JSON for each entry, to which lines are only added. Every line holds the hash of the line before it, so
that nobody can change, remove or insert one unseen.

A crash may cut the last line short. The next entry then starts on a line of its own, and holds the hash of the line that was cut. So
a crash can be told from tampering.
"""

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

AFTER = "after"  # the key for the hash of the line before; its value is "" in the first line
_BLOCK = 64 * 1024


def line_hash(line: bytes) -> str:
    """The first 32 hex digits of the SHA-256 of a line, without its newline."""
    return hashlib.sha256(line).hexdigest()[:32]


@dataclass(frozen=True)
class Fault:
    """A line of a log, counted from 1, that is not as it was written. `crash` is whether it was cut short, as a crash may do."""

    line: int
    crash: bool


class Log:
    """The log in the file `path`. Several processes may append to it. A file that does not exist is an empty log."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, entry: Mapping[str, Any]) -> None:
        """Append an entry, and wait until it is on disk."""
        with self._opened() as file:
            end = os.lseek(file, 0, os.SEEK_END)
            last = self._last(file, end)
            text = json.dumps({**entry, AFTER: line_hash(last.rstrip(b"\n")) if last else ""}, ensure_ascii=False) + "\n"
            broken = last != b"" and not last.endswith(b"\n")
            os.write(file, (b"\n" if broken else b"") + text.encode(errors="surrogateescape"))
            os.fdatasync(file)

    def entries(self) -> list[dict[str, Any]]:
        """All entries, oldest first. Lines that cannot be read, such as one that a crash cut short, are left out."""
        return [entry for entry in map(parsed, self.lines()) if entry is not None]

    def faults(self, since: int = 0) -> list[Fault]:
        """The lines whose hash or content is wrong, among those after line `since`."""
        found = []
        lines = self.lines()
        before = line_hash(lines[since - 1]) if since else ""
        for number, line in enumerate(lines[since:], since + 1):
            entry = parsed(line)
            if entry is None:
                # After a crash the next line holds the hash of the cut line. Without a next line, the end of the log is cut.
                following = parsed(lines[number]) if number < len(lines) else None
                crash = number == len(lines) or (following is not None and following.get(AFTER) == line_hash(line))
                found.append(Fault(number, crash))
            elif entry.get(AFTER) != before:
                found.append(Fault(number, False))
            before = line_hash(line)
        return found

    @property
    def end(self) -> tuple[int, str]:
        """How many lines there are, and the hash of the last; 0 and "" if the log is empty."""
        text = self._text()
        whole = text.removesuffix(b"\n")
        return (whole.count(b"\n") + 1, line_hash(whole[whole.rfind(b"\n") + 1 :])) if text else (0, "")

    def lines(self) -> list[bytes]:
        """All lines as bytes, without their newlines."""
        text = self._text()
        return text.removesuffix(b"\n").split(b"\n") if text else []

    def whole(self, since: int) -> tuple[list[bytes], int]:
        """The lines from byte `since` on that have their newlines, without them; and the byte at which the next line begins."""
        try:
            with self.path.open("rb") as file:
                file.seek(since)
                text, end, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return [], 0
        return (text.split(b"\n"), since + len(text) + 1) if end else ([], since)

    def having(self, word: bytes) -> dict[int, bytes]:
        """The lines that contain `word`, by number, from 1. Fast for a long log, as only these lines are split off."""
        text, found = self._text(), {}
        at = text.find(word)
        while at >= 0:
            begin, end = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at)
            line = text[begin : end if end >= 0 else len(text)]
            found[text.count(b"\n", 0, begin) + 1] = line
            at = text.find(word, begin + len(line))
        return found

    def _text(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""

    @contextmanager
    def _opened(self) -> Iterator[int]:
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)

    @staticmethod
    def _last(file: int, end: int) -> bytes:
        """The last line, with its newline if it has one."""
        size = _BLOCK
        while True:
            block = os.pread(file, size, max(0, end - size))
            cut = block[:-1].rfind(b"\n")
            if cut >= 0 or size >= end:
                return block[cut + 1 :]
            size *= 4


class Tail:
    """Reads the log at `path` as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0  # bytes

    def new(self) -> list[dict[str, Any]]:
        """The entries that are there since the last call, or since the beginning; a line that is not whole yet comes later."""
        try:
            if self._path.stat().st_size == self._read:
                return []
            with self._path.open("rb") as file:
                file.seek(self._read)
                lines, end, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return []
        self._read += len(lines) + len(end)
        return [entry for entry in map(parsed, lines.split(b"\n")) if entry is not None]


class Growing:
    """The log at `path` for those who look at it again and again: only what is new is read. Several threads may look."""

    def __init__(self, path: Path) -> None:
        self._tail = Tail(path)
        self._known: list[dict[str, Any]] = []
        self._reading = threading.Lock()

    def entries(self) -> list[dict[str, Any]]:
        """All entries so far, oldest first, as `Log.entries`; a line that is not whole yet comes later."""
        with self._reading:
            self._known += self._tail.new()
            return list(self._known)


def parsed(line: bytes) -> dict[str, Any] | None:
    """The entry in a line; None if it cannot be read, such as a line that was cut short."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
