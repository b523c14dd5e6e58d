"""SIGTERM and Ctrl-C in a headless run: noted when they come, and acted on only where the run can be ended in order."""

import asyncio
import signal
from types import FrameType
from typing import Self


class Signals:
    """Notes SIGTERM, and SIGINT unless that was ignored when the process was started, as where a script puts it in the background.

    `came` is the name of the first of them, "" before. Nothing is interrupted by them here.
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
        """Raises KeyboardInterrupt where one came."""
        if self.came:
            raise KeyboardInterrupt(self.came)

    async def coming(self) -> None:
        """Wait until one comes."""
        event = asyncio.Event()
        self._waiting = (asyncio.get_running_loop(), event)
        if not self.came:
            await event.wait()

    def _note(self, number: int, _: FrameType | None) -> None:
        self.came = self.came or signal.Signals(number).name
        if self._waiting:
            loop, event = self._waiting
            loop.call_soon_threadsafe(event.set)
