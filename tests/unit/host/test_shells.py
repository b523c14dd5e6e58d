"""A shell whose channel the host closes while its script is on the way, with paramiko's own channel and transport."""

import socket
import threading
from collections.abc import Callable, Iterator

import paramiko
import pytest
from paramiko.common import cMSG_CHANNEL_CLOSE, cMSG_CHANNEL_EOF

from rollback_lib.host.shells import Shell


class Meanwhile(threading.Event):
    """Set always. Calls `then` when somebody waits for it for the first time."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self.set()
        self._then = [then]

    def wait(self, timeout: float | None = None) -> bool:
        if self._then:
            self._then.pop()()
        return True


class Transport(paramiko.Transport):
    """Keeps what is sent. paramiko waits for `clear_to_send` after it has looked at the channel and before it sends."""

    def __init__(self, there: socket.socket, meanwhile: Callable[[], None]) -> None:
        super().__init__(there)
        self.active = True
        self.sent: list[bytes] = []
        self.clear_to_send = Meanwhile(meanwhile)

    def _send_message(self, message: paramiko.Message) -> None:
        self.sent.append(message.asbytes())


@pytest.fixture
def there() -> Iterator[socket.socket]:
    here, there = socket.socketpair()
    with here, there:
        yield there


def sent(there: socket.socket, script: str, meanwhile: Callable[[paramiko.Channel], None]) -> list[bytes]:
    channel = paramiko.Channel(1)
    transport = Transport(there, lambda: meanwhile(channel))
    channel._set_transport(transport)
    channel._set_window(2**21, 2**15)
    channel._set_remote_channel(1, 2**21, 2**15)
    Shell(channel, "mark", waited=True).run(script, 30, None)
    return transport.sent


def test_nothing_is_sent_after_the_host_has_closed_the_channel(there: socket.socket) -> None:
    """sshd drops the whole connection when data comes for a channel that is gone."""
    messages = sent(there, "true", lambda channel: channel._handle_close(paramiko.Message()))
    assert [message[:1] for message in messages] == [cMSG_CHANNEL_EOF, cMSG_CHANNEL_CLOSE]


def test_a_script_larger_than_a_packet_is_sent_in_parts(there: socket.socket) -> None:
    script = "x" * 100_000
    parts = sent(there, script, lambda channel: None)
    assert len(parts) > 3
    assert b"".join(part[9:] for part in parts) == b"30 100000 no\n" + script.encode()
