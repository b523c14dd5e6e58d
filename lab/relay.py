"""A TCP relay on 127.0.0.1 that can be slow, break its connections, or go silent.

A practice host answers at once and never goes away. A real server is some milliseconds away, behind machines that lose connections.
"""

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType

from lab.round_trips import RoundTrips

Note = Callable[[float], None]


def _nothing(_: float) -> None:
    pass


class Relay:
    """Forwards connections to `port` on 127.0.0.1. Use it in a `with` statement; `listening` is its own port then.

    All data is delayed by half of `round_trip` (seconds) in each direction, and opening a connection by a whole `round_trip`.
    """

    def __init__(self, port: int, round_trip: float = 0.0) -> None:
        self._port = port
        self._delay = round_trip / 2
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._open: set[asyncio.StreamWriter] = set()
        self._silent: set[asyncio.StreamWriter] = set()
        self._counts: list[RoundTrips] = []
        self.listening = 0

    @property
    def round_trips(self) -> int:
        """How many round trips the clients have waited for so far, over all connections. Opening a connection is one."""
        return sum(1 + count.number for count in self._counts)

    def __enter__(self) -> "Relay":
        self._server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.listening = self._server.sockets[0].getsockname()[1]
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Break all present connections. New ones are forwarded."""
        self._loop.call_soon_threadsafe(self._abort)

    def silence(self) -> None:
        """Stop forwarding on all present connections, in both directions, but keep them open. New ones are forwarded."""
        self._loop.call_soon_threadsafe(lambda: self._silent.update(self._open))

    def _abort(self) -> None:
        for writer in tuple(self._open):
            writer.transport.abort()

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * self._delay)
        onward = await asyncio.open_connection("127.0.0.1", self._port)
        ends = {writer, onward[1]}
        self._open |= ends
        count = RoundTrips(2 * self._delay)
        self._counts.append(count)
        there, back = self._forward(reader, onward[1], at_departure=count.sent), self._forward(onward[0], writer, at_arrival=count.heard)
        try:
            await asyncio.gather(there, back, return_exceptions=True)
        except asyncio.CancelledError:  # the relay ends; to asyncio, a connection that is cancelled would be an error
            for end in ends:
                end.transport.abort()
        finally:
            self._open -= ends

    async def _forward(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, at_departure: Note = _nothing, at_arrival: Note = _nothing
    ) -> None:  # fmt: skip
        """Forward all that comes. `at_departure` and `at_arrival` are called with the time when a piece is received, and passed on."""
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivery = asyncio.create_task(self._deliver(pieces, sink, at_arrival))
        try:
            while piece := await source.read(64 * 1024):
                at_departure(self._loop.time())
                pieces.put_nowait((self._loop.time() + self._delay, piece))
        except ConnectionError:
            pass
        pieces.put_nowait((self._loop.time() + self._delay, b""))
        await delivery

    async def _deliver(self, pieces: "asyncio.Queue[tuple[float, bytes]]", sink: asyncio.StreamWriter, at_arrival: Note) -> None:
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            if sink in self._silent:
                continue
            if not piece:
                sink.close()
                return
            at_arrival(self._loop.time())
            sink.write(piece)
