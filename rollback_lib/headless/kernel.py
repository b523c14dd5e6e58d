"""Starts the kernel of a headless run before anything heavy is imported here, and hands it to nbclient later.

The kernel boots on one core while this process imports papermill on another. It speaks over sockets in the file system:
a kernel on TCP ports would send code and output where other users of the machine can listen.
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
    """A kernel process of this Python, whose incident writes to `folder`; None where it has none."""

    def __init__(self, folder: Path | None) -> None:
        self._files = tempfile.TemporaryDirectory(prefix="rollback-kernel-")
        self._connection = Path(self._files.name) / "kernel.json"
        ports = {name: number for number, name in enumerate(PORTS, 1)}
        channel = {"transport": "ipc", "ip": f"{self._files.name}/k", "key": secrets.token_hex(16), "signature_scheme": "hmac-sha256"}
        self._connection.write_text(json.dumps({**ports, **channel, "kernel_name": "python3"}))
        argv = [sys.executable, *LAUNCH, "-f", str(self._connection)]
        # A kernel whose parent is gone ends itself (ipykernel).
        incident = {FOLDER_VARIABLE: str(folder)} if folder else {}
        environment = {**os.environ, **incident, HOME_VARIABLE: str(home()), "JPY_PARENT_PID": str(os.getpid())}
        self.process = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)

    def manager(self) -> Any:
        """A kernel manager for this process, as nbclient wants it."""
        from jupyter_client.asynchronous.client import AsyncKernelClient
        from jupyter_client.manager import AsyncKernelManager
        from jupyter_client.provisioning import LocalProvisioner

        class Client(AsyncKernelClient):  # type: ignore[misc]
            async def _async_wait_for_ready(self, timeout: float | None = None) -> None:
                """Ready is when the kernel answers on both channels; the stock client then waits 0.2 s more, in case.

                Without a word on iopub the first cells' output could be lost: a subscription may take effect late.
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
        """Interrupt the cell that runs: in it, KeyboardInterrupt is raised. Between cells it is ignored."""
        self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it now: by then its incident is in the record."""
        self.process.kill()
        self.process.wait()
        self._files.cleanup()
