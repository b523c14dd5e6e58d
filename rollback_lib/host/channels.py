"""The channels of one SSH connection. They are opened one at a time; the next is opened before it is needed."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import paramiko

from rollback_lib.errors import LinkLost

SILENCE = 15  # seconds without an answer after which the connection counts as lost
CHANNELS = 8  # open at the same time; sshd allows 10 by default (MaxSessions)


class Channels:
    """The session channels of a connected client. Thread-safe.

    To open a channel takes one round trip to the host, and to run a command in it another. To save the first, the channel
    for the next command is opened while a command runs.
    """

    def __init__(self, client: paramiko.SSHClient, alias: str) -> None:
        self._client = client
        self._alias = alias
        self._slots = threading.BoundedSemaphore(CHANNELS)
        self._opening = threading.Lock()  # paramiko has one place for the error of opening a channel, shared by all threads
        self._spare: paramiko.Channel | None = None
        self._spares = threading.Lock()
        self._refilling = False

    @contextmanager
    def channel(self) -> Iterator[paramiko.Channel]:
        """A channel for one command, closed at the end of the block. Raises LinkLost."""
        with self._slots:
            channel = self._open(time.monotonic() + SILENCE)
            self._refill()
            try:
                yield channel
            finally:
                channel.close()

    def alive(self) -> bool:
        """Whether the connection still answers."""
        try:
            self._session().close()
        except paramiko.ChannelException:
            return True  # a refusal is an answer
        except LinkLost:
            return False
        return True

    def _open(self, until: float) -> paramiko.Channel:
        """The spare channel, or a new one.

        When sshd has reached its MaxSessions, this tries again until sshd has closed an earlier session, or until `until`
        (monotonic seconds). Raises LinkLost then.
        """
        while True:
            spare = self._take_spare()
            if spare is not None:
                return spare
            try:
                return self._session()
            except paramiko.ChannelException as error:
                if time.monotonic() > until:
                    raise LinkLost(f"{self._alias} opens no more sessions ({error}); see MaxSessions of its sshd") from None
                time.sleep(0.02)

    def _session(self) -> paramiko.Channel:
        transport = self._client.get_transport()
        try:
            if transport is None:
                raise paramiko.SSHException("closed")
            with self._opening:
                return transport.open_session(timeout=SILENCE)
        except paramiko.ChannelException:
            raise
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise LinkLost(f"the connection to {self._alias} is lost ({error}); check the network and run again") from None

    def _take_spare(self) -> paramiko.Channel | None:
        with self._spares:
            spare, self._spare = self._spare, None
        return None if spare is None or spare.closed else spare

    def _refill(self) -> None:
        """Begin to open a spare channel in a thread, unless there is one or one is being opened."""
        with self._spares:
            if self._refilling or self._spare is not None:
                return
            self._refilling = True
        threading.Thread(target=self._open_spare, daemon=True).start()

    def _open_spare(self) -> None:
        spare = None
        # If the link is lost, or there are too many sessions, the next caller of `channel` finds out and raises the error.
        with suppress(LinkLost, paramiko.ChannelException):
            spare = self._session()
        with self._spares:
            self._spare, self._refilling = spare, False
