"""Cells of a headless run put out what they put out in a Jupyter kernel, but for the layout of tracebacks."""

import re
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from rollback_lib.headless.outputs import Outputs
from rollback_lib.headless.process import CellProcess
from rollback_lib.headless.signals import Signals

CELLS = {
    "print": "print('a'); print('b', end=''); print('c')",
    "standard error": "import sys\nprint('x', file=sys.stderr)",
    "one stream after the other": "import sys\nprint(1)\nprint(2, file=sys.stderr)",
    "the last value": "1 + 1",
    "no value": "None",
    "a value with a semicolon": "1 + 1;",
    "an earlier value": "_ , Out[4]",
    "a value with HTML": "class Shown:\n    def _repr_html_(self): return '<b>x</b>'\n    def __repr__(self): return 'x'\nShown()",
    "a display": "from IPython.display import display, HTML\ndisplay(HTML('<i>x</i>'), metadata={'text/html': {'isolated': True}})",
    "a raw display": "display({'text/plain': 'x', 'image/svg+xml': '<svg/>'}, raw=True)",
    "an image": "display({'image/png': b'\\x89PNG'}, raw=True)",
    "a display that is updated": "place = display('before', display_id='here')\nprint('between')\nplace.update('after')",
    "a display of an earlier cell that is updated": "place.update('at last')",
    "a display shown twice": "display('once', display_id='here')",
    "output that is cleared": "from IPython.display import clear_output\nprint('gone'); clear_output(); print('here')",
    "output that is cleared by the next": "print('gone'); clear_output(wait=True); print('here')",
    "output that is to be cleared": "print('here'); clear_output(wait=True)",
    "its own way to be shown": "class Own:\n    def _ipython_display_(self): print('own way')\nOwn()",
    "a progress bar": "for i in range(3): print(f'\\r{i} of 3', end='')\nprint()",
    "characters taken back": "print('abc\\b\\bX')",
    "a shell escape": "!echo out",
    "a magic": "%who_ls int",
    "a cell magic": "%%bash\necho out",
    "help": "len?",
    "await": "import asyncio\nawait asyncio.sleep(0, 'done')",
    "a thread": "import threading\nthread = threading.Thread(target=print, args=('from a thread',))\nthread.start(); thread.join()",
    "a warning": "import warnings\nwarnings.showwarning = lambda message, *_: print(message, file=sys.stderr)\nwarnings.warn('x')",
    "text that is no ASCII": "print('Grüße ✔ \\U0001f600')",
    "an error": "def f():\n    return 1 / 0\nf()",
    "an error after output": "print('before')\nraise ValueError('x')",
    "an error with a cause": "try:\n    {}['x']\nexcept KeyError as error:\n    raise RuntimeError('y') from error",
    "a syntax error": "a b",
    "an error in what is shown": "class Bad:\n    def __repr__(self): raise ValueError('x')\nBad()",
    "an assertion": "assert 1 == 2, 'no'",
    "an interrupt": "raise KeyboardInterrupt('x')",
    "an exit": "raise SystemExit(3)",
    "a name that is not there": "nothing",
    "the module": "__name__, type(get_ipython()).__mro__[-4].__name__",
    "the environment": "import os\n{name: os.environ.get(name) for name in ('PAGER', 'FORCE_COLOR', 'TERM')}",
}  # fmt: skip


@pytest.fixture(scope="module")
def ran() -> tuple[dict[str, Any], dict[str, Any]]:
    """The cells by name, as a kernel and as a headless run execute them."""
    found = []
    for execute in (_kernel, _process):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
        execute(notebook)
        found.append(dict(zip(CELLS, notebook.cells, strict=True)))
    kernel, process = found
    return kernel, process


def _kernel(notebook: Any) -> None:
    NotebookClient(notebook, kernel_name="python3", allow_errors=True, coalesce_streams=True).execute()


def _process(notebook: Any) -> None:
    outputs = Outputs(notebook)
    with Signals() as signals:
        process = CellProcess(None, signals)
        try:
            process.ready()
            for number, cell in enumerate(notebook.cells):
                process.run(number, cell.source, outputs.take, lambda: None)
                outputs.settle()
        finally:
            process.kill()


@pytest.mark.parametrize("name", CELLS)
def test_the_outputs_are_the_same(ran: tuple[dict[str, Any], dict[str, Any]], name: str) -> None:
    kernel, process = (cells[name] for cells in ran)
    assert _plain(process.outputs) == _plain(kernel.outputs)
    assert process.execution_count == kernel.execution_count


def _plain(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Outputs with the last line of tracebacks only, since their layout and colours differ."""
    return [
        output if output["output_type"] != "error" else {"evalue": _text(output["evalue"]), "last": _text(output["traceback"][-1])}
        for output in outputs
    ]


def _text(coloured: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m|(<ipython-input-|\d+\.py)[^,]*", "", coloured)


def test_what_programs_write_is_kept() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"import os\nos.system('echo {n}; echo {n} >&2');") for n in "ab"])
    _process(notebook)
    texts = [{output.name: output.text for output in cell.outputs} for cell in notebook.cells]
    assert texts == [{"stdout": "a\n", "stderr": "a\n"}, {"stdout": "b\n", "stderr": "b\n"}]
