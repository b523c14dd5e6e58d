"""A machine that cannot run Docker is told so before anything is installed on it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab import engine
from lab.capability import CAPABILITIES, Capability
from rollback_lib.errors import NoDocker
from rollback_lib.settings import PROJECT

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can give capabilities up")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, ...]]:
    """A Debian without Docker whose probes succeed, but for those that a test adds; what it installs fails the test."""
    failing: set[tuple[str, ...]] = {("docker", "version")}
    monkeypatch.setattr(engine, "succeeds", lambda argv: tuple(argv) not in failing)
    monkeypatch.setattr(engine, "run", lambda argv: pytest.fail(f"it ran {argv}"))
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return failing


@pytest.mark.parametrize("one", CAPABILITIES, ids=lambda one: one.lacking)
def test_what_is_lacking_is_named(bare: set[tuple[str, ...]], one: Capability) -> None:
    bare.add(one.probe)
    with pytest.raises(NoDocker) as refused:
        engine.check()
    assert str(refused.value) == f"Docker Engine cannot run on this machine: {one.lacking}; practise on another one"
    assert refused.value.status == 2


@pytest.mark.usefixtures("bare")
def test_a_machine_that_has_it_all_is_not_refused() -> None:
    engine.check()


def test_an_engine_that_answers_is_enough(bare: set[tuple[str, ...]]) -> None:
    bare.clear()
    bare.update(one.probe for one in CAPABILITIES)
    engine.check()


@pytest.mark.usefixtures("bare")
def test_without_root_and_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NoDocker, match="starting it needs root or sudo"):
        engine.check()


@AS_ROOT
@pytest.mark.parametrize(("without", "said"), [("sys_admin", "may not mount file systems"), ("net_admin", "may not make network")])
def test_a_capability_that_was_really_given_up(tmp_path: Path, without: str, said: str) -> None:
    """All of `make drill` ends there, and there is no environment."""
    shutil.copytree(PROJECT / "lab", tmp_path / "lab", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROJECT / "tools", tmp_path / "tools")
    (tmp_path / "rollback_lib").mkdir()
    shutil.copy(PROJECT / "rollback_lib" / "errors.py", tmp_path / "rollback_lib")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").write_text("#!/bin/sh\nexit 1\n")
    for name in ("docker", "dockerd"):
        (tmp_path / "bin" / name).touch()
        (tmp_path / "bin" / name).chmod(0o755)
    path = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "PYTHON": sys.executable}
    done = subprocess.run(
        ["setpriv", f"--bounding-set=-{without}", tmp_path / "tools" / "practice"], env=path, capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert f"rollback: Docker Engine cannot run on this machine: root {said}" in done.stderr
    assert done.stderr.endswith("\n`make unit` needs no Docker.\n")
    assert not (tmp_path / ".venv").exists()


def test_it_needs_no_package() -> None:
    """It runs before one is installed."""
    script = f"import sys; sys.path.insert(0, {str(PROJECT)!r}); import lab.ready"
    assert subprocess.run([sys.executable, "-I", "-S", "-c", script]).returncode == 0
