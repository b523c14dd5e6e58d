"""Runs the start page before a person sees it: `python -m rollback_lib.headless.start PAGE`. This leaves no record."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from rollback_lib.headless.process import CellProcess
from rollback_lib.headless.signals import Signals
from rollback_lib.record.files import write_private
from rollback_lib.settings import FORMATS, import_less


def begin(page: Path) -> "subprocess.Popen[bytes]":
    """Begin to run the notebook `page`, in a process of its own. It ends when the notebook is saved."""
    return subprocess.Popen([sys.executable, "-P", "-m", __name__, str(page)], stdin=subprocess.DEVNULL)


def run(page: Path) -> None:
    """Run the notebook `page` and save it in place. A cell that fails shows its error; the others run all the same.

    Raises KeyboardInterrupt if a signal comes."""
    with Signals() as signals:
        process = CellProcess(None, signals)
        try:
            import nbformat

            from rollback_lib.headless.outputs import Outputs

            notebook = nbformat.read(page, as_version=4)
            outputs = Outputs(notebook)
            process.ready()
            for index, cell in enumerate(notebook.cells):
                signals.check()
                if cell.cell_type == "code":
                    process.run(index, cell.source, outputs.take, lambda: None)
                    outputs.settle()
            write_private(page, nbformat.writes(notebook))
        finally:
            process.kill()


if __name__ == "__main__":
    import_less(*FORMATS)
    with suppress(KeyboardInterrupt):  # the person ends `rollback open`
        run(Path(sys.argv[1]))
