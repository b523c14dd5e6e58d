"""The kernels that JupyterLab starts."""

import sys
from typing import Any

from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager


class Kernels(KernelSpecManager):  # type: ignore[misc]
    """Kernel specifications; in that of this Python, the kernel imports what the notebooks use before it answers."""

    def get_kernel_spec(self, kernel_name: str) -> Any:
        found = super().get_kernel_spec(kernel_name)
        if kernel_name == NATIVE_KERNEL_NAME:
            found.argv = [sys.executable, "-P", "-m", "rollback_lib.jupyterlab.kernel", "-f", "{connection_file}"]
        return found
