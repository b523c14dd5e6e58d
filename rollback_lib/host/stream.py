"""Cuts a stream of bytes into lines, and tells a marked script's marks from what its commands say."""

from collections.abc import Callable

from rollback_lib.commands.command import MARK

LONGEST = 8 * 1024  # bytes of a line that are shown
MARGIN = 8 * 1024  # bytes beyond, handed on so that a secret across the cut can still be known


class Lines:
    """Feed it chunks; `on_line` gets each whole line as text, and how many bytes of it were dropped; `on_mark` the number of
    each command that begins. Of a line, LONGEST + MARGIN bytes are held."""

    def __init__(self, on_line: Callable[[str, int], None], on_mark: Callable[[int], None]) -> None:
        self._on_line = on_line
        self._on_mark = on_mark
        self._rest = bytearray()
        self._dropped = 0

    def feed(self, chunk: bytes) -> None:
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            if self._rest or len(line) > LONGEST or b"\r" in line:
                self._add(line)
                self._take()
            else:  # nearly always; endless output is to cost no more than it has to
                self._hand_on(line, 0)
        self._add(rest)

    def end(self) -> None:
        if self._rest:
            self._take()

    def _add(self, piece: bytes) -> None:
        # A program that draws over its own line with carriage returns: only the last drawing counts.
        drawn = (bytes(self._rest[-1:]) + piece).rstrip(b"\r").rfind(b"\r")
        if drawn >= 0:
            piece = piece[drawn:] if self._rest else piece[drawn + 1 :]
            self._rest.clear()
            self._dropped = 0
        room = LONGEST + MARGIN - len(self._rest)
        self._rest += piece[:room]
        self._dropped += max(0, len(piece) - room)

    def _take(self) -> None:
        line, dropped = bytes(self._rest), self._dropped
        self._rest.clear()
        self._dropped = 0
        self._hand_on(line, dropped)

    def _hand_on(self, line: bytes, dropped: int) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        if text.startswith(MARK) and text[1:].isascii() and text[1:].isdigit():
            self._on_mark(int(text[1:]))
        else:
            self._on_line(text, dropped)
