"""Runs a page in the kernel of its session, as *Run All Cells* does, before the browser shows it, so that its outputs are live at once."""

from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from rollback_lib.record.files import write_private


async def run(server: Any, path: str) -> None:
    """Run the notebook at `path` below the server's folder, and save it, signed as one whose outputs JupyterLab may trust. A cell that
    fails shows its error; the others run all the same."""
    kernels, contents = server.kernel_manager, server.contents_manager
    name = path.rpartition("/")[2]
    session = await server.session_manager.create_session(path=path, name=name, type="notebook", kernel_name=kernels.default_kernel_name)
    file = Path(contents._get_os_path(path))
    notebook = nbformat.read(file, as_version=4)
    kernel = kernels.get_kernel(session["kernel"]["id"])
    channels = kernel.client()
    channels.start_channels()
    try:
        await channels.wait_for_ready()
        client = NotebookClient(notebook, km=kernel, allow_errors=True)
        client.kc = channels  # it may ask for input, by which a cell knows that a person is there
        for index, cell in enumerate(notebook.cells):
            await client.async_execute_cell(cell, index)
    finally:
        channels.stop_channels()
    write_private(file, nbformat.writes(notebook))
    contents.notary.sign(notebook)
