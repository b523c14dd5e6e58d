"""The viewer shows what a record says while it is written, and never ends a run."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rollback_lib.settings import PROJECT
from rollback_lib.terminal.viewer import Viewer
from tests.builders import stories

DEADLINE = 10.0  # seconds until what was written has to be seen


def awaited(seen: Callable[[], str], word: str) -> None:
    until, text = time.monotonic() + DEADLINE, ""
    while word not in text:
        assert time.monotonic() < until, f"{word!r} was not shown:\n{text}"
        time.sleep(0.02)
        text += seen()


def test_lines_come_as_they_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = stories.Record(tmp_path)
    with Viewer(tmp_path).watch(record.folder.path):
        record.confirmed()
        awaited(lambda: capsys.readouterr().out, "Confirmed by me@laptop")
        record.begin(stories.TREE)
        awaited(lambda: capsys.readouterr().out, "Step 2 of 3, restore_tree, begins")
        record.end(stories.TREE)
    assert "Step 2 of 3, restore_tree, done" in capsys.readouterr().out, "what was written last is shown before it ends"


def test_of_an_incident_that_is_resumed_only_the_new_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = stories.Record(tmp_path)
    record.confirmed()
    record.event("resumed", who="you@laptop", process=1)
    with Viewer(tmp_path).watch(record.folder.path):
        awaited(lambda: capsys.readouterr().out, "you@laptop resumes the run")
    assert "Confirmed" not in capsys.readouterr().out


def test_a_record_that_cannot_be_shown_is_said_once_and_the_run_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = stories.Record(tmp_path)
    with Viewer(tmp_path).watch(record.folder.path):
        record.event("probe")
        awaited(lambda: capsys.readouterr().err, "can no longer be shown (KeyError: 'route')")
        record.looked()
    assert "Connected" not in capsys.readouterr().out


PRINTS = """
from pathlib import Path
from rollback_lib.terminal.line import Line
from rollback_lib.terminal.printer import printer
shown = printer()
for _ in range(1000):
    shown.show([Line("word " * 100)])
open(r'{done}', 'w').close()
"""


def test_a_reader_that_goes_away_does_not_end_the_run(tmp_path: Path) -> None:
    done = tmp_path / "done"
    run = subprocess.Popen([sys.executable, "-c", PRINTS.format(done=done)], stdout=subprocess.PIPE, cwd=PROJECT)
    assert run.stdout
    run.stdout.readline()
    run.stdout.close()
    assert (run.wait(30), done.exists()) == (0, True)


def test_signs_that_a_terminal_does_not_know_are_replaced() -> None:
    words = "from rollback_lib.terminal import line, printer; printer.printer().show([line.Line('done', line.Tone.GOOD)])"
    said = subprocess.check_output([sys.executable, "-c", words], cwd=PROJECT, env={"PYTHONIOENCODING": "ascii"}, text=True)
    assert said == "  ? done\n"


def test_rich_is_not_imported_where_it_shows_nothing() -> None:
    words = "import sys; from rollback_lib.terminal import printer, viewer; printer.printer(); print('rich' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", words], cwd=PROJECT, text=True) == "False\n"
