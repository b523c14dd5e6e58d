"""Completion at the TAB key, in real shells."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pexpect
import pytest

from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.settings import PROJECT
from tests.builders import stories

BIN = Path(sys.executable).parent
# What `_python_argcomplete` is called with by bash itself.
ASK = r"""
source <("$ROLLBACK" completion bash)
complete -p rollback >/dev/null || exit 1
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9
read -ra COMP_WORDS <<<"$1"
[[ $1 == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_python_argcomplete rollback 2>/dev/null
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """With one incident in the records."""
    record = stories.Record(tmp_path)
    Chain(tmp_path).enter(OPENED, record.folder.path, {**record.head, "verdict": "succeeded", "seconds": 1.0})
    return {**os.environ, "ROLLBACK_INCIDENTS": str(tmp_path), "ROLLBACK": str(BIN / "rollback"), "PATH": f"{BIN}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("rollback compl", {"completion"}),
        ("rollback run ca", {"caddyfile"}),
        ("rollback run code --stack d", {"drill"}),
        ("rollback run code --re", {"--revert-after"}),
        ("rollback run code --on-failure ", {"stop", "undo"}),
        ("rollback run code -p ta", {"target="}),
        ("rollback undo ", {stories.ID}),
        ("rollback resume 3f", {stories.ID}),
        ("rollback incidents show ", {stories.ID}),
        ("rollback incidents list --verdict failed", {"failed-partly", "failed-restored"}),
        ("rollback completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_bash(environment: Mapping[str, str], typed: str, words: set[str]) -> None:
    done = subprocess.run(["bash", "--norc", "-c", ASK, "bash", typed], capture_output=True, text=True, env=environment, check=True)
    assert {word.strip() for word in done.stdout.splitlines()} == words


def test_bash_offers_every_procedure_and_nothing_else(environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        ["bash", "--norc", "-c", ASK, "bash", "rollback run "], capture_output=True, text=True, env=environment, check=True
    )
    ours = {file.stem[3:] for file in (PROJECT / "notebooks").glob("[0-9][0-9]_*.ipynb")} - {"undo", "resume"}
    assert {word.strip() for word in done.stdout.splitlines()} >= ours
    assert not {"undo", "resume", "--stack"} & {word.strip() for word in done.stdout.splitlines()}


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh(environment: Mapping[str, str], tmp_path: Path) -> None:
    shell = pexpect.spawn("zsh", ["-f", "-i"], env={**environment, "TERM": "dumb", "ZDOTDIR": str(tmp_path)}, encoding="utf-8", timeout=20)
    shell.sendline(f"PS1='> '; autoload -U compinit && compinit -u -d {tmp_path}/dump && source <(rollback completion zsh) && echo re''ady")
    shell.expect("ready")
    shell.send("rollback run cad\t")
    shell.expect("rollback run caddyfile")
    shell.close()


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish(environment: Mapping[str, str], tmp_path: Path) -> None:
    def asked(typed: str) -> list[str]:
        words = f"rollback completion fish | source; complete -C {typed!r}"
        done = subprocess.run(
            ["fish", "--no-config", "-c", words], capture_output=True, text=True, env={**environment, "HOME": str(tmp_path)}
        )
        return done.stdout.splitlines()

    assert asked("rollback run cad") == ["caddyfile"]
    (shown,) = asked("rollback undo ")
    assert re.fullmatch(rf"{stories.ID}\t20\S+ code dyniq-voice succeeded", shown), "each with what it was"
