"""Makes sure that a Docker Engine runs on this machine. If none does, it is started, and installed from the distribution's packages."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from lab.capability import CAPABILITIES
from lab.progress import Progress
from lab.shell import run, succeeds
from rollback_lib.errors import LabError, NoDocker

PACKAGES = ("docker.io", "iptables", "mmdebstrap")
SSH_PACKAGES = ("openssh-client",)
PID_FILE = Path("/var/run/docker.pid")
LOG = Path("/var/log/rollback-lab-dockerd.log")
START_TIMEOUT = 60  # seconds


def check() -> None:
    """Return where a Docker Engine answers, or could be made to. Raises NoDocker that says what this machine lacks; nothing is
    installed before."""
    if _answers():
        return
    if sys.platform != "linux":
        raise NoDocker("Docker Engine does not answer, and only on Linux it is installed from here; start Docker and try again")
    if not _installed() and shutil.which("apt-get") is None:
        raise NoDocker("Docker Engine is not installed, and apt-get is not here to install it; install it and try again")
    for one in CAPABILITIES:
        if not succeeds(_as_root([*one.probe])):
            raise NoDocker(f"Docker Engine cannot run on this machine: {one.lacking}; practise on another one")


def ensure(progress: Progress) -> None:
    """Return once `docker version` answers. Raises LabError naming what is missing and what to do."""
    check()
    packages: tuple[str, ...] = () if shutil.which("ssh-keygen") else SSH_PACKAGES
    runs = _answers()
    if not runs and not _installed():
        packages += PACKAGES
    if packages:
        progress.stage("installing Docker Engine" if PACKAGES[0] in packages else "installing the OpenSSH client")
        _install(packages)
    if not runs:
        progress.stage("starting Docker Engine")
        _start()


def _answers() -> bool:
    return succeeds(["docker", "version"])


def _installed() -> bool:
    return all(map(shutil.which, ("docker", "dockerd")))


def _as_root(argv: list[str]) -> list[str]:
    if os.geteuid() == 0:
        return argv
    if shutil.which("sudo") is None:
        raise NoDocker("Docker Engine is not running, and starting it needs root or sudo; start Docker and try again")
    return ["sudo", *argv]


def _install(packages: tuple[str, ...]) -> None:
    if shutil.which("apt-get") is None:
        raise LabError(f"{packages[0]} is not installed, and apt-get is not here to install it; install it and try again")
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
