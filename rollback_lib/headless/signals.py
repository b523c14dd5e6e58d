"""SIGTERM and Ctrl-C in a headless run. They are noted when they come, and take effect only where the run can be ended properly."""

import asyncio
import signal
from types import FrameType
from typing import Self


class Signals:
    """Notes SIGTERM and SIGINT while the context is open, but interrupts nothing. SIGINT stays ignored if it was ignored when the process
    started, as in the background of a shell script.

    `came` is the name of the first signal, "" before it has come.
    """

    def __init__(self) -> None:
        self.came = ""
        self._waiting: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def __enter__(self) -> Self:
        ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        noted = (signal.SIGTERM,) if ignored else (signal.SIGTERM, signal.SIGINT)
        self._before = {number: signal.signal(number, self._note) for number in noted}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raises KeyboardInterrupt if a signal has come."""
        if self.came:
            raise KeyboardInterrupt(self.came)

    async def coming(self) -> None:
        """Wait until a signal comes."""
        event = asyncio.Event()
        self._waiting = (asyncio.get_running_loop(), event)
        if not self.came:
            await event.wait()

    def _note(self, number: int, _: FrameType | None) -> None:
        self.came = self.came or signal.Signals(number).name
        if self._waiting:
            loop, event = self._waiting
            loop.call_soon_threadsafe(event.set)
