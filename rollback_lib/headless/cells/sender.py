"""Sends what the cells put out to the runner."""

import io
import threading
import time
from typing import Any

from rollback_lib.headless import wire
from rollback_lib.headless.cells.interrupts import Interrupts

HELD = 64 * 1024  # characters of a stream that are held back at most
AGE = 0.1  # seconds after which the next text that is written takes those held back with it


class Sender:
    """Sends messages, from any thread, one after the other. `cell` is the number of the cell that runs."""

    def __init__(self, descriptor: int, interrupts: Interrupts) -> None:
        self.cell = 0
        self._descriptor = descriptor
        self._interrupts = interrupts
        self._lock = threading.RLock()

    def send(self, kind: str, **content: Any) -> None:
        """Send a message. `content` must be JSON."""
        with self._interrupts.held(), self._lock:
            wire.write(self._descriptor, kind, cell=self.cell, **content)


class Stream(io.TextIOBase):
    """Standard output or standard error of the cells. `descriptor` is that of the programs that cells start."""

    encoding = "utf-8"
    errors = "strict"

    def __init__(self, name: str, descriptor: int, sender: Sender) -> None:
        self.name = name
        self._descriptor = descriptor
        self._sender = sender
        self._lock = threading.RLock()
        self._held: list[str] = []
        self._size = 0
        self._since = 0.0

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        with self._lock:
            now = time.monotonic()
            self._since = self._since if self._held else now
            self._held.append(text)
            self._size += len(text)
            if self._size > HELD or now - self._since > AGE:
                self.flush()
        return len(text)

    def flush(self) -> None:
        """Send what is held back."""
        with self._lock:
            text = "".join(self._held)
            self._held, self._size = [], 0
            if text:
                self._sender.send("stream", content={"name": self.name, "text": text})

    def fileno(self) -> int:
        return self._descriptor

    def writable(self) -> bool:
        return True
