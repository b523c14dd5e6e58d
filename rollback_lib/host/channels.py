"""The channels of one SSH connection: opened one at a time, a limited number at once, and one ahead of need."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import paramiko

from rollback_lib.errors import LinkLost

SILENCE = 15  # seconds of silence after which the link is lost
CHANNELS = 8  # at once; sshd's MaxSessions is 10 unless told otherwise


class Channels:
    """Session channels of an open client. Thread-safe.

    Opening one takes a round trip to the host, and the command in it another. So while a command runs, the channel of the
    next one is opened already.
    """

    def __init__(self, client: paramiko.SSHClient, alias: str) -> None:
        self._client = client
        self._alias = alias
        self._slots = threading.BoundedSemaphore(CHANNELS)
        self._opening = threading.Lock()  # paramiko keeps one place for the error of an opening, whichever thread's it is
        self._spare: paramiko.Channel | None = None
        self._spares = threading.Lock()
        self._refilling = False

    @contextmanager
    def channel(self) -> Iterator[paramiko.Channel]:
        """A channel for one command. Raises LinkLost."""
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
        """The spare channel or a new one; where sshd's MaxSessions is reached, as soon as it has closed an earlier one."""
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
        """Open the next channel meanwhile, unless one is there or on its way."""
        with self._spares:
            if self._refilling or self._spare is not None:
                return
            self._refilling = True
        threading.Thread(target=self._open_spare, daemon=True).start()

    def _open_spare(self) -> None:
        spare = None
        # A lost link, or too many sessions, is for the one who needs a channel to find.
        with suppress(LinkLost, paramiko.ChannelException):
            spare = self._session()
        with self._spares:
            self._spare, self._refilling = spare, False
