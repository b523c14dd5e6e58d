"""Runs the start page before a person opens it. This leaves no record."""

from pathlib import Path

from rollback_lib.headless.process import CellProcess
from rollback_lib.headless.signals import Signals
from rollback_lib.record.files import write_private


def run(page: Path) -> Path:
    """Run the notebook `page` and save it in place. A cell that fails shows its error; the others run all the same. Returns `page`.

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
    return page
