"""Splits the output of a marked script into lines, and tells its marks from what its commands print."""

from collections.abc import Callable

from rollback_lib.commands.command import MARK

LONGEST = 8 * 1024  # bytes of a line that are shown
MARGIN = 8 * 1024  # further bytes of it that are passed on, so that a secret which spans the cut can still be recognised


class Lines:
    """Splits chunks of bytes into lines.

    `on_line` gets each line as text, and how many bytes of it were dropped; LONGEST + MARGIN bytes of a line are kept. `on_mark` gets
    the number of each command that begins.
    """

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
            else:  # the usual case, kept cheap because output can be very long
                self._hand_on(line, 0)
        self._add(rest)

    def end(self) -> None:
        if self._rest:
            self._take()

    def _add(self, piece: bytes) -> None:
        # A program may overwrite its line by printing a carriage return, as progress bars do. Only the last version counts.
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
