"""A link with a round trip of its own: forwards TCP on 127.0.0.1 and holds every piece back for half of it.

A practice host answers in no time at all; a server that somebody rolls back is some milliseconds away.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def relay(port: int, round_trip: float) -> Iterator[int]:
    """The port of a relay to `port`; `round_trip` in seconds. Connecting takes one round trip as well."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(_serve(port, round_trip / 2))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _serve(port: int, delay: float) -> asyncio.Server:
    async def forward(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                due, piece = await pieces.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                if not piece:
                    sink.close()
                    return
                sink.write(piece)

        delivery = asyncio.create_task(deliver())
        try:
            while piece := await source.read(64 * 1024):
                pieces.put_nowait((loop.time() + delay, piece))
        except ConnectionError:
            pass
        pieces.put_nowait((loop.time() + delay, b""))
        await delivery

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * delay)
        there = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(forward(reader, there[1]), forward(there[0], writer), return_exceptions=True)

    return await asyncio.start_server(accept, "127.0.0.1", 0)
