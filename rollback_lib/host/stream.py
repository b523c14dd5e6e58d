"""Cuts a stream of bytes into lines, and tells a marked script's marks from what its commands say."""

from collections.abc import Callable

from rollback_lib.command import MARK

LONGEST = 8 * 1024  # bytes of a line; what has no newline is cut here


class Lines:
    """Feed it chunks; `on_line` gets each whole line as text, `on_mark` the number of each command that begins."""

    def __init__(self, on_line: Callable[[str], None], on_mark: Callable[[int], None]) -> None:
        self._on_line = on_line
        self._on_mark = on_mark
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._take(line)
        while len(self._rest) > LONGEST:
            self._take(self._rest[:LONGEST])
            self._rest = self._rest[LONGEST:]

    def end(self) -> None:
        if self._rest:
            self._take(self._rest)
        self._rest = b""

    def _take(self, line: bytes) -> None:
        # A program that draws over its own line with carriage returns: only the last drawing counts.
        text = line.decode(errors="replace").rstrip("\r").rpartition("\r")[2]
        if text.startswith(MARK) and text[1:].isdigit():
            self._on_mark(int(text[1:]))
        else:
            self._on_line(text)
