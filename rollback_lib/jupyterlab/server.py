"""Runs JupyterLab on a page, in this process, so that a person sees the page soon.

While the browser loads JupyterLab, the kernel of the page starts, and runs the start page.
"""

import asyncio
import os
from functools import partial
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

from rollback_lib.settings import ADDRESSES, COMMAND_LINE, LIBRARY, import_less

# There is no language server for it to ask; the other one serves pages of the classic notebook.
NO_EXTENSIONS = ("jupyter_lsp", "notebook_shim")
NO_YARN: dict[str, dict[str, str]] = {"yarn config": {}, "npm config": {}}  # half a second of node, for a build that is never made here
LATER = "nbconvert.exporters"  # JupyterLab asks for its list while it loads, and an import on the server's only thread would hold that up


def serve(page: Path, root: Path, tabs: Path, port: int | None, *, run: bool, browser: bool, collapse: bool) -> None:
    """Serve the folder `root` and open `page`, until a person ends it. `tabs` is the folder of the workspaces.

    With `run`, the page is run first, and shown when it has. `port` is where to listen: 8888 or the next that is free, if it is None.
    Without `browser`, the address is only printed. With `collapse`, the code of cells is collapsed.
    """
    import_less(ADDRESSES, COMMAND_LINE)
    from jupyterlab import commands

    commands._yarn_config = lambda _: NO_YARN
    from jupyterlab.labapp import LabApp

    path = page.relative_to(root).as_posix()
    server = LabApp.initialize_server(argv=_settings(path, root, tabs, port, browser=browser, collapse=collapse))
    Thread(target=import_module, args=(LATER,), daemon=True).start()
    server.io_loop.add_callback(partial(_run if run else _start_kernel, server, path))
    server.start()


def _settings(path: str, root: Path, tabs: Path, port: int | None, *, browser: bool, collapse: bool) -> list[str]:
    return [
        f"--ServerApp.root_dir={root}", f"--LabApp.default_url=/lab/tree/{path}", f"--LabApp.workspaces_dir={tabs}",
        "--LabApp.expose_app_in_browser=True",  # for notebook/guide.js
        f"--LabApp.app_settings_dir={LIBRARY / 'notebook' / 'settings'}",
        "--ServerApp.kernel_spec_manager_class=rollback_lib.jupyterlab.kernels.Kernels",
        "--ServerApp.contents_manager_class=rollback_lib.jupyterlab.contents.Contents",
        *(f"--ServerApp.jpserver_extensions={name}=False" for name in NO_EXTENSIONS),
        *([f"--port={port}"] if port else []),
        *(["--Contents.collapse_code=True"] if collapse else []),
        *([] if browser else ["--no-browser"]),
        *(["--allow-root"] if os.geteuid() == 0 else []),
    ]  # fmt: skip


async def _run(server: Any, path: str) -> None:
    """Run a page, which the browser gets when that has ended."""
    from rollback_lib.jupyterlab import page

    server.contents_manager.hold(path, asyncio.ensure_future(page.run(server, path)))


async def _start_kernel(server: Any, path: str) -> None:
    """Start the kernel of a notebook, as its page does when it has loaded. The page then finds the session by the path."""
    kernel, name = server.kernel_manager.default_kernel_name, path.rpartition("/")[2]
    await server.session_manager.create_session(path=path, name=name, type="notebook", kernel_name=kernel)
