"""Makes sure that a Docker Engine runs on this machine. If none does, it is started, and installed from the distribution's packages."""

import os
import shutil
import subprocess
import time
from pathlib import Path

from lab.progress import Progress
from lab.shell import run, succeeds
from rollback_lib.errors import LabError

PACKAGES = ("docker.io", "iptables", "mmdebstrap")
SSH_PACKAGES = ("openssh-client",)
PID_FILE = Path("/var/run/docker.pid")
LOG = Path("/var/log/rollback-lab-dockerd.log")
START_TIMEOUT = 60  # seconds


def ensure(progress: Progress) -> None:
    """Return once `docker version` answers. Raises LabError, which names what is missing and what to do."""
    if shutil.which("ssh-keygen") is None:
        _install(progress, "OpenSSH client", SSH_PACKAGES)
    if _answers():
        return
    if shutil.which("dockerd") is None or shutil.which("docker") is None:
        _install(progress, "Docker Engine", PACKAGES)
    progress.stage("starting Docker Engine")
    _start()


def _answers() -> bool:
    return succeeds(["docker", "version"])


def _as_root(argv: list[str]) -> list[str]:
    if os.geteuid() == 0:
        return argv
    if shutil.which("sudo") is None:
        raise LabError("Docker Engine is not running, and starting it needs root or sudo; start Docker and try again")
    return ["sudo", *argv]


def _install(progress: Progress, what: str, packages: tuple[str, ...]) -> None:
    if shutil.which("apt-get") is None:
        raise LabError(f"{what} is not installed, and apt-get is not here to install it; install it and try again")
    progress.stage(f"installing {what}")
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    run(_as_root([*environment, "apt-get", "update", "-qq"]))
    run(_as_root([*environment, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]))


def _start() -> None:
    if Path("/run/systemd/system").is_dir():
        run(_as_root(["systemctl", "start", "docker"]))
    else:
        # Without an init system the daemon is started here. It continues after this command; `rollback lab down --all` ends it.
        daemon = _as_root(["sh", "-c", f"exec dockerd >{LOG} 2>&1"])
        subprocess.Popen(daemon, stdin=subprocess.DEVNULL, start_new_session=True, cwd="/")
    deadline = time.monotonic() + START_TIMEOUT
    while not _answers():
        if time.monotonic() > deadline:
            raise LabError(f"Docker Engine did not start within {START_TIMEOUT} s; see {LOG} or `journalctl -u docker`")
        time.sleep(0.1)


def stop_if_ours() -> None:
    """End the daemon if `ensure` started it by hand. A daemon that an init system runs is left alone."""
    if LOG.exists() and PID_FILE.exists() and not Path("/run/systemd/system").is_dir():
        run(_as_root(["kill", PID_FILE.read_text().strip()]))
