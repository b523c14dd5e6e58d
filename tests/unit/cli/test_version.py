"""The version, as the command and the package have it."""

import subprocess
import tomllib
from importlib import metadata

import pytest

from rollback_lib import cli, settings
from rollback_lib.settings import PROJECT
from tests.machine import BIN

PROJECT_TABLE = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"{PROJECT_TABLE['name']} {PROJECT_TABLE['version']}\n")


def test_the_command_prints_it() -> None:
    done = subprocess.run([BIN / "rollback", "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"rollback-runbooks {settings.version()}\n", "")


def test_a_package_that_is_not_installed_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is to help must not fail for it."""

    def missing(_: str) -> str:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "version", missing)
    settings.version.cache_clear()
    assert settings.version() == "unknown"
    settings.version.cache_clear()
