"""Ending a JupyterLab server that a test has started."""

import subprocess


def end(server: subprocess.Popen[bytes]) -> None:
    """End the server. JupyterLab ignores this while a kernel is starting; it is then killed after 30 s."""
    server.terminate()
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
