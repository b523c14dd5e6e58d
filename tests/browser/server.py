"""A JupyterLab server that a test started, and its end."""

import subprocess


def end(server: subprocess.Popen[bytes]) -> None:
    """End it. JupyterLab does not end when it is told to while a kernel is starting; then it is killed after 30 s."""
    server.terminate()
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
