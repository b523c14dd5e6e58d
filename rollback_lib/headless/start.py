"""Runs the start page before a person opens it. This leaves no record."""

from pathlib import Path

from rollback_lib.headless.kernel import Kernel
from rollback_lib.record.files import write_private


def run(page: Path) -> Path:
    """Run the notebook `page` and save it in place. A cell that fails shows its error; the others run all the same. Returns `page`."""
    kernel = Kernel(None)
    try:
        import nbformat
        from nbclient import NotebookClient

        notebook = nbformat.read(page, as_version=4)
        NotebookClient(notebook, km=kernel.manager(), allow_errors=True).execute()
        write_private(page, nbformat.writes(notebook))
    finally:
        kernel.kill()
    return page
