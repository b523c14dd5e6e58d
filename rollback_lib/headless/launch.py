"""The kernel process of a headless run: `python -m rollback_lib.headless.launch -f CONNECTION_FILE`.

It imports what the notebooks use before it answers, while the runner is busy importing papermill. It skips two optional imports that
take 0.2 s together: the debugger of ipykernel, which is not used here, and `invoke`, with which paramiko would read SSH configurations;
OpenSSH does that here.
"""

import signal
import sys

sys.modules["debugpy"] = None  # type: ignore[assignment]
sys.modules["invoke"] = None  # type: ignore[assignment]

from ipykernel import kernelapp  # noqa: E402

import rollback_lib.notebook  # noqa: E402, F401

if __name__ == "__main__":
    # systemd, for example, sends SIGTERM to every process of a run. Only the runner acts on it, and ends this process when it is time.
    signal.signal(signal.SIGTERM, lambda *_: None)
    kernelapp.launch_new_instance()
