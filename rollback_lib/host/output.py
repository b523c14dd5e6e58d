"""Output of a command, kept in bounded memory: its beginning and its end, and how much lies between."""

from collections import deque

KEEP = 64 * 1024  # bytes at each end


class BoundedOutput:
    """Takes bytes without end, holds `2 × keep` of them at most."""

    def __init__(self, keep: int = KEEP) -> None:
        self._keep = keep
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self.size = 0

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        room = self._keep - len(self._head)
        if room > 0:
            self._head += chunk[:room]
            chunk = chunk[room:]
        if chunk:
            self._tail.append(chunk)
            self._tail_size += len(chunk)
            while (excess := self._tail_size - self._keep) > 0:
                first = self._tail.popleft()
                self._tail_size -= min(excess, len(first))
                if len(first) > excess:
                    self._tail.appendleft(first[excess:])

    @property
    def dropped(self) -> int:
        """How many bytes from the middle were dropped."""
        return self.size - len(self._head) - self._tail_size

    def text(self) -> str:
        """What was kept, decoded; a line of its own says how much is missing."""
        gap = f"\n… {self.dropped:,} bytes of output are not kept …\n".encode() if self.dropped else b""
        return (bytes(self._head) + gap + b"".join(self._tail)).decode(errors="replace")
