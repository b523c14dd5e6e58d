"""Keeps the output of a command in limited memory: its beginning, its end, and how many bytes were dropped between them."""

from collections import deque

KEEP = 64 * 1024  # bytes at each end


class BoundedOutput:
    """Takes any number of bytes, and holds the first and the last `keep` of them. `size` is how many it has taken."""

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
        """The bytes that were kept, decoded. Where some were dropped, a line in the middle says how many."""
        gap = f"\n… {self.dropped:,} bytes of output are not kept …\n".encode() if self.dropped else b""
        return (bytes(self._head) + gap + b"".join(self._tail)).decode(errors="replace")
