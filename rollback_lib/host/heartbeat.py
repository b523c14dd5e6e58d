"""Signs of life: a connection on which the host is silent is lost, whatever the machines in between acknowledge."""

import threading

import paramiko

from rollback_lib.host.channels import SILENCE

EVERY = 5.0  # seconds between signs of life we ask for


class Pulse:
    """Asks the host again and again whether it is there, and closes the connection when no answer comes for SILENCE seconds."""

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
                # Servers refuse a request they do not know; a refusal is an answer.
                transport.global_request("keepalive@openssh.com", wait=True)
            except (paramiko.SSHException, EOFError, OSError):
                return
            finally:
                overdue.cancel()
