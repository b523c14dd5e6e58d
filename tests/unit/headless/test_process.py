"""However the process that runs the cells ends, and whatever a cell does, the runner learns the truth."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from rollback_lib.errors import ParameterError
from rollback_lib.headless import process as module
from rollback_lib.headless.outputs import Outputs
from rollback_lib.headless.process import CellProcess, Ended
from rollback_lib.headless.signals import Signals

# A runner whose cell writes its process id to a file, and takes long.
RUNNER = """
import sys
from rollback_lib.headless.process import CellProcess
from rollback_lib.headless.signals import Signals
with Signals() as signals:
    process = CellProcess(None, signals)
    process.ready()
    source = f"import os, time\\nopen({sys.argv[1]!r}, 'w').write(str(os.getpid()))\\ntime.sleep(60)"
    process.run(0, source, lambda _: None, lambda: None)
"""


class Run:
    """A notebook with one cell, and the process that runs it. A cell that prints `now` is at the point where it is to be interrupted."""

    def __init__(self, signals: Signals) -> None:
        self.process = CellProcess(None, signals)
        self.interrupted = 0
        self._notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("")])
        self._outputs = Outputs(self._notebook)
        self.process.ready()

    def run(self, source: str, number: int = 0) -> bool:
        """Run the cell. Once it prints `now`, the signal is sent to this process, if there is one."""
        self._notebook.cells[0].outputs = []

        def take(message: dict[str, Any]) -> None:
            self._outputs.take(message)
            if number and "now" in message.get("content", {}).get("text", ""):
                os.kill(os.getpid(), number)

        try:
            return self.process.run(0, source, take, self._count)
        finally:
            self._outputs.settle()

    def _count(self) -> None:
        self.interrupted += 1

    @property
    def text(self) -> str:
        return "".join(output.get("text", output.get("ename", "")) for output in self._notebook.cells[0].outputs)


@pytest.fixture
def run() -> Iterator[Run]:
    with Signals() as signals:
        started = Run(signals)
        yield started
        started.process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_interrupts_the_cell_which_may_clean_up(run: Run, number: int) -> None:
    source = "import time\ntry:\n    print('now', flush=True); time.sleep(60)\nfinally:\n    print('cleaned up')"
    assert not run.run(source, number)
    assert run.text == "now\ncleaned up\nKeyboardInterrupt"
    assert run.interrupted == 1


def test_an_interrupt_cuts_no_message_in_two(run: Run) -> None:
    source = "print('now', flush=True)\nwhile True: print('x' * 100_000, flush=True)"
    assert not run.run(source, signal.SIGINT)
    assert run.text.endswith("KeyboardInterrupt")
    assert set(run.text[4:].split("KeyboardInterrupt")[0].split("\n")) <= {"x" * 100_000, ""}


def test_a_cell_that_heeds_no_interrupt_is_given_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INTERRUPT_SECONDS", 0.3)
    source = "import time\ntry:\n    print('now', flush=True); time.sleep(60)\nexcept KeyboardInterrupt: time.sleep(60)"
    with pytest.raises(TimeoutError, match=r"the cell was interrupted, and had not ended after 0\.3 s"):
        run.run(source, signal.SIGTERM)


def test_an_interrupt_that_the_cell_swallows_lets_it_end_as_it_likes(run: Run) -> None:
    assert run.run(
        "import time\ntry:\n    print('now', flush=True); time.sleep(60)\nexcept KeyboardInterrupt: print('well')", signal.SIGINT
    )
    assert run.text == "now\nwell\n"


@pytest.mark.parametrize(
    ("source", "how"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", r"\(killed by SIGKILL\)"),
        ("import os\nos.write(2, b'no more\\n')\nos._exit(3)", r"\(exit status 3: no more\)"),
    ],
)
def test_a_process_that_ends_by_itself_is_said_to_have_ended(run: Run, source: str, how: str) -> None:
    with pytest.raises(Ended, match=f"the process that runs the cells has ended {how}"):
        run.run(source)


def test_what_a_cell_put_out_before_its_process_was_killed_is_kept(run: Run) -> None:
    with pytest.raises(Ended):
        run.run("import os, signal\nprint('kept', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)")
    assert run.text == "kept\n"


def test_a_sigterm_to_the_process_itself_has_no_effect(run: Run) -> None:
    assert run.run("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\nprint('still here')")
    assert run.text == "still here\n"


def test_an_interrupt_between_two_cells_has_no_effect(run: Run) -> None:
    os.kill(run.process.pid, signal.SIGINT)
    assert run.run("print('still here')")


def test_a_runner_that_is_killed_takes_the_process_along(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, str(file)])
    until = time.monotonic() + 60
    while not file.exists() or not file.read_text():
        assert time.monotonic() < until
        time.sleep(0.02)
    cells = int(file.read_text())
    runner.kill()
    runner.wait()
    while _alive(cells):
        assert time.monotonic() < until
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_a_parameter_that_is_refused_is_refused_in_the_same_words() -> None:
    with Signals() as signals:
        process = CellProcess(None, signals, "code", {"stack": "nowhere", "mode": "plan", "confirm": ""})
        try:
            with pytest.raises(ParameterError, match="nowhere"):
                process.checked()
        finally:
            process.kill()


def test_a_signal_ends_the_wait_until_it_is_ready() -> None:
    with Signals() as signals:
        process = CellProcess(None, signals)
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
        try:
            with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
                process.ready()
        finally:
            process.kill()


def test_much_output_is_all_kept(run: Run) -> None:
    assert run.run("for number in range(200_000): print(number)")
    assert run.text == "".join(f"{number}\n" for number in range(200_000))


def test_input_says_that_nobody_is_there(run: Run) -> None:
    assert not run.run("input('name? ')")
    assert run.text == "StdinNotImplementedError"


def test_the_runner_loads_nothing_for_kernels_and_for_other_formats() -> None:
    """What papermill and JSON schemas would bring takes longer to load than a notebook takes to run."""
    words = (
        "import sys, importlib; from rollback_lib.headless import runner; runner.import_less(*runner.FORMATS); "
        "[importlib.import_module(name) for name in runner.LATER]; "
        "print([name for name in ('nbclient', 'jupyter_client', 'zmq', 'lark', 'arrow') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", words], text=True) == "[]\n"
