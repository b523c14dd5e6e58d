"""A connection that is opened before it is needed, while the program is still being loaded."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from rollback_lib.host.connect import connect
from rollback_lib.host.connection import Connection
from rollback_lib.stack.model import Stack

_begun: dict[tuple[str, Path | None, bool], "Future[Connection]"] = {}


def begin(stack: Stack) -> None:
    """Begin to connect to the host of a stack, in a thread. `connection` returns that connection, once, or raises why there is none."""
    pool = ThreadPoolExecutor(1)
    _begun[stack.host, stack.ssh_file, stack.sudo] = pool.submit(connect, stack.host, stack.ssh_file, sudo=stack.sudo)
    pool.shutdown(wait=False)


def connection(alias: str, config: Path | None, *, sudo: bool) -> Connection:
    """The connection that was begun, or else a new one. Raises ConnectionRefused."""
    begun = _begun.pop((alias, config, sudo), None)
    return begun.result() if begun else connect(alias, config, sudo=sudo)
