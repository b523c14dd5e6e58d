"""Starts the kernel of a headless run early, so that it boots while this process still imports papermill."""

import os
import sys

from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync

from rollback_lib.record.folder import FOLDER_VARIABLE

PRELOAD = "import rollback_lib.notebook"


def start(folder: str) -> AsyncKernelManager:
    """A kernel of this Python, speaking over sockets in the file system, whose incident writes to `folder`."""
    manager = AsyncKernelManager(transport="ipc")
    manager.kernel_spec.argv = [
        sys.executable,
        "-m",
        "ipykernel_launcher",
        "-f",
        "{connection_file}",
        f"--IPKernelApp.exec_lines={PRELOAD}",
    ]
    run_sync(manager.start_kernel)(env={**os.environ, FOLDER_VARIABLE: folder, "PYDEVD_DISABLE_FILE_VALIDATION": "1"})
    return manager


def kill(manager: AsyncKernelManager) -> None:
    """End the kernel now: by then its incident is in the record."""
    run_sync(manager.shutdown_kernel)(now=True)
