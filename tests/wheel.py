"""The package as a wheel, and an environment in which the wheel is installed."""

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from rollback_lib.settings import HOME_VARIABLE, PROJECT


def build(folder: Path) -> Path:
    """Make the wheel of this clone in `folder`, without using the network."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=PROJECT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel. Its dependencies come from the environment in which the tests run."""

    folder: Path

    @classmethod
    def from_wheel(cls, wheel: Path, folder: Path) -> "Installed":
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        made = cls(folder)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", made.python, "install", "--quiet"]
        subprocess.run([*pip, "--no-deps", "--no-index", wheel], check=True)
        # Only now: pip would take the clone in editable form for an earlier version. Its .pth file is not read from there.
        (made.site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
        return made

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    def rollback(self, *words: str | Path, cwd: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run its `rollback` command in a folder."""
        environment = {name: value for name, value in os.environ.items() if name not in (HOME_VARIABLE, "ROLLBACK_INCIDENTS")}
        argv = [self.folder / "bin" / "rollback", *words]
        done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout)
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return done
