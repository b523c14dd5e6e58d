"""The kernel process of a headless run: `python -m rollback_lib.headless.launch -f CONNECTION_FILE`.

Loads what the notebooks use before it answers, while the runner is busy importing papermill. Leaves out two optional
imports that take 0.2 s together: the debugger of ipykernel, which nobody attaches here, and the tasks library that paramiko
wants for reading an SSH configuration, which we ask OpenSSH for.
"""

import signal
import sys

sys.modules["debugpy"] = None  # type: ignore[assignment]
sys.modules["invoke"] = None  # type: ignore[assignment]

from ipykernel import kernelapp  # noqa: E402

import rollback_lib.notebook  # noqa: E402, F401

if __name__ == "__main__":
    # Who tells every process of a run to end, as systemd does, is heard by the runner, which ends this one when it is time.
    signal.signal(signal.SIGTERM, lambda *_: None)
    kernelapp.launch_new_instance()
