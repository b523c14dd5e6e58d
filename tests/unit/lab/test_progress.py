"""What is seen of long work."""

import os
import pty
import subprocess
import sys

import pytest

from lab.progress import Progress
from rollback_lib.settings import PROJECT

WORK = """
import time
from lab.progress import Progress
with Progress("practice host", 4) as progress:
    progress.stage("one"); progress.stage("two"); time.sleep(0.5)
"""


def test_a_stage_is_a_line_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("practice host", 2) as progress:
        progress.stage("one")
        progress.stage("two")
    assert capsys.readouterr().err == "practice host: one\npractice host: two\n"


def test_a_terminal_has_a_bar_which_goes_in_the_end() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", WORK], cwd=PROJECT, stderr=theirs) as work:
        os.close(theirs)
        seen = _read(ours)
    assert work.returncode == 0
    drawn = seen.split("\r\033[K")
    assert any(line.startswith("practice host ██████░") and " 1/4 " in line and line.endswith(" two") for line in drawn), drawn
    assert drawn[-1] == ""


def test_more_stages_than_were_foretold_fill_the_bar() -> None:
    progress = Progress("practice host", 2)
    for name in "abcdef":
        progress.stage(name)
    assert "░" not in progress.line()
    assert " 2/2 " in progress.line()


def _read(terminal: int) -> str:
    seen = b""
    while True:
        try:
            more = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            more = b""
        if not more:
            os.close(terminal)
            return seen.decode()
        seen += more
