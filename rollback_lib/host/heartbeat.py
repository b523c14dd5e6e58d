"""Detects a host that has stopped answering, even when a machine in between still acknowledges what is sent."""

import threading

import paramiko

from rollback_lib.host.shells import SILENCE

EVERY = 5.0  # seconds between two keepalive requests


class Heartbeat:
    """Sends keepalive requests to the host in a thread, and closes the connection when one is not answered within SILENCE seconds."""

    def __init__(self, client: paramiko.SSHClient) -> None:
        self._client = client
        self._stopped = threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _beat(self) -> None:
        while not self._stopped.wait(EVERY):
            transport = self._client.get_transport()
            if transport is None or not transport.is_active():
                return
            overdue = threading.Timer(SILENCE, transport.close)
            overdue.daemon = True
            overdue.start()
            try:
                # A server refuses a request that it does not know. A refusal is an answer, too.
                transport.global_request("keepalive@openssh.com", wait=True)
            except (paramiko.SSHException, EOFError, OSError):
                return
            finally:
                overdue.cancel()
