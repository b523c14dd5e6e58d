"""The relay between a client and a practice host."""

import socket

import pytest

from lab.relay import Relay


def test_a_relay_ends_quietly_while_a_connection_is_open(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with Relay(server.getsockname()[1]) as relay:
            client = socket.create_connection(("127.0.0.1", relay.listening))
            accepted, _ = server.accept()
            client.sendall(b"one")
            assert accepted.recv(100) == b"one"
            accepted.sendall(b"two")
            assert client.recv(100) == b"two"
        for end in (client, accepted):
            with end:
                assert end.recv(100) == b""  # it is closed
    assert caplog.text == ""
