"""SIGTERM and Ctrl-C in a headless run. They are noted when they come, and take effect only where the run can be ended properly."""

import os
import signal
from types import FrameType
from typing import Self


class Signals:
    """Notes SIGTERM and SIGINT while the context is open, but interrupts nothing. SIGINT stays ignored if it was ignored when the process
    started, as in the background of a shell script.

    `came` is the name of the first signal, "" before it has come. Its descriptor is readable from when a signal comes until `clear`.
    """

    def __init__(self) -> None:
        self.came = ""

    def __enter__(self) -> Self:
        self._woken, self._wakes = os.pipe()
        os.set_blocking(self._wakes, False)
        ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        noted = (signal.SIGTERM,) if ignored else (signal.SIGTERM, signal.SIGINT)
        self._before = {number: signal.signal(number, self._note) for number in noted}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._woken)
        os.close(self._wakes)

    def fileno(self) -> int:
        return self._woken

    def clear(self) -> None:
        """Let the descriptor wait for the next signal."""
        os.read(self._woken, 1)

    def check(self) -> None:
        """Raises KeyboardInterrupt if a signal has come."""
        if self.came:
            raise KeyboardInterrupt(self.came)

    def _note(self, number: int, _: FrameType | None) -> None:
        if not self.came:
            self.came = signal.Signals(number).name
            os.write(self._wakes, b"!")
