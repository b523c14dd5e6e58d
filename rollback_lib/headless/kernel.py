"""Starts the kernel of a headless run before this process imports anything heavy, and passes it to nbclient later.

The kernel starts on one core while this process imports papermill on another. It uses sockets in the file system, since other users of
the machine could read code and output that go over TCP ports.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from queue import Empty
from typing import Any

from rollback_lib.record.folder import FOLDER_VARIABLE
from rollback_lib.settings import HOME_VARIABLE, home

# -P: this package, also where the current folder is another clone of it.
LAUNCH = ("-P", "-m", "rollback_lib.headless.launch", "--HistoryManager.enabled=False")  # the record is the history
PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


class Kernel:
    """A kernel process with the same Python. Its incident writes its record to `folder`; None for a kernel that opens no incident."""

    def __init__(self, folder: Path | None) -> None:
        self._files = tempfile.TemporaryDirectory(prefix="rollback-kernel-")
        self._connection = Path(self._files.name) / "kernel.json"
        ports = {name: number for number, name in enumerate(PORTS, 1)}
        channel = {"transport": "ipc", "ip": f"{self._files.name}/k", "key": secrets.token_hex(16), "signature_scheme": "hmac-sha256"}
        self._connection.write_text(json.dumps({**ports, **channel, "kernel_name": "python3"}))
        argv = [sys.executable, *LAUNCH, "-f", str(self._connection)]
        # With JPY_PARENT_PID set, ipykernel ends the kernel when its parent has ended.
        incident = {FOLDER_VARIABLE: str(folder)} if folder else {}
        environment = {**os.environ, **incident, HOME_VARIABLE: str(home()), "JPY_PARENT_PID": str(os.getpid())}
        self.process = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)

    def manager(self) -> Any:
        """A kernel manager for this kernel, as nbclient needs it."""
        from jupyter_client.asynchronous.client import AsyncKernelClient
        from jupyter_client.manager import AsyncKernelManager
        from jupyter_client.provisioning import LocalProvisioner

        class Client(AsyncKernelClient):  # type: ignore[misc]
            async def _async_wait_for_ready(self, timeout: float | None = None) -> None:
                """Wait until the kernel answers on both channels. (The stock client always waits another 0.2 s.)

                A subscription to iopub may take effect late, so the output of the first cells could be lost before a message has come
                through it.
                """
                heard = False
                while not heard:
                    self.kernel_info()
                    self._handle_kernel_info_reply(await self.get_shell_msg(timeout=timeout))
                    try:
                        await self.get_iopub_msg(timeout=0.05)
                        heard = True
                    except Empty:
                        continue

            wait_for_ready = _async_wait_for_ready

        manager = AsyncKernelManager(client_factory=Client)
        manager.load_connection_file(str(self._connection))
        manager.provisioner = LocalProvisioner(kernel_id=manager.kernel_id, kernel_spec=manager.kernel_spec, parent=manager)
        manager.provisioner.process = self.process
        manager.provisioner.pid = manager.provisioner.pgid = self.process.pid
        return manager

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the running cell. Between cells this has no effect."""
        self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End the kernel at once. Everything about its incident is in the record by then."""
        self.process.kill()
        self.process.wait()
        self._files.cleanup()
