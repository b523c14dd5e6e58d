"""Round trips, counted by what passes a relay."""

import socket
import threading
from collections.abc import Iterator

import pytest

from lab.relay import Relay
from lab.round_trips import RoundTrips


def count(seconds: float, *passed: tuple[str, float]) -> int:
    counted = RoundTrips(seconds)
    for way, at in passed:
        (counted.sent if way == ">" else counted.heard)(at)
    return counted.number


def test_what_is_sent_after_an_answer_is_another_round_trip() -> None:
    assert count(0.04, (">", 1.0), ("<", 1.04), (">", 1.05), ("<", 1.09), ("<", 1.2)) == 2


def test_what_is_sent_without_waiting_is_the_same_round_trip() -> None:
    assert count(0.04, (">", 1.0), (">", 1.01), ("<", 1.04), ("<", 1.05)) == 1


def test_what_was_on_its_way_before_is_no_answer() -> None:
    assert count(0.04, ("<", 0.9), (">", 1.0), ("<", 1.03), (">", 1.035), ("<", 1.05), (">", 1.06)) == 2


def test_without_a_delay_every_change_of_direction_counts() -> None:
    assert count(0, (">", 1.0), ("<", 1.0), (">", 1.0), (">", 1.0), ("<", 1.1)) == 2


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends back what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for _ in range(2):
                accepted, _ = server.accept()
                with accepted:
                    while got := accepted.recv(100):
                        accepted.sendall(got)

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]


@pytest.mark.parametrize("round_trip", [0, 0.02])
def test_a_relay_counts_over_all_connections(echo: int, round_trip: float) -> None:
    with Relay(echo, round_trip) as relay:
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", relay.listening)) as client:
                for word in (b"one", b"two", b"three"):
                    client.sendall(word)
                    assert client.recv(100) == word
        assert relay.round_trips == 2 * (1 + 3)
