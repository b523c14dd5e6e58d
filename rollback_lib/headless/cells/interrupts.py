"""SIGINT in the process that runs the cells."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupts:
    """Turns SIGINT into KeyboardInterrupt while a cell runs, but not while a message is sent, which would be cut in two. Between cells
    SIGINT has no effect. Make it in the main thread."""

    def __init__(self) -> None:
        self._running = self._held = self._came = False
        signal.signal(signal.SIGINT, self._note)

    @contextmanager
    def running(self) -> Iterator[None]:
        """A cell runs in this block."""
        self._came, self._running = False, True
        try:
            yield
        finally:
            self._running = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """In this block, an interrupt of the main thread waits for the end of the block."""
        if self._held or threading.current_thread() is not threading.main_thread():
            yield
            return
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._came and self._running:
            self._came = False
            raise KeyboardInterrupt

    def _note(self, *_: object) -> None:
        if self._held:
            self._came = True
        elif self._running:
            raise KeyboardInterrupt
