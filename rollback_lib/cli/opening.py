"""`rollback open`: JupyterLab on a notebook's working copy in the folder of its record, or on the start page."""

import argparse
import os
import shutil
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """The parser of this command."""
    parser = commands.add_parser("open", help="open JupyterLab on a working copy of a procedure's notebook, or on the start page")
    parser.add_argument("procedure", nargs="?", help="the notebook's name without its number; without it: the start page")
    parser.add_argument("--stack", help="a name in parameters/, or a YAML file; the start page needs none, and shows all")
    parser.add_argument(
        "-p", dest="parameters", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the notebook; always text"
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--collapse-code", action="store_true", help="show prose and outputs, and collapse the code of the cells")
    parser.add_argument("--port", type=int, help="on which JupyterLab listens (default: 8888, or the next that is free)")
    parser.set_defaults(command=_open)


def _open(arguments: argparse.Namespace) -> int:
    from rollback_lib.jupyterlab import server
    from rollback_lib.record.folder import incidents_root
    from rollback_lib.runbook import working_copy
    from rollback_lib.settings import HOME_VARIABLE, home

    os.environ[HOME_VARIABLE] = str(home())  # kernels start in the folders of their notebooks, which may be elsewhere
    root = incidents_root().resolve()
    page = _copy(arguments, root) if arguments.procedure else _start(arguments, root)
    tabs = working_copy.place(root) / ".tabs"
    shutil.rmtree(tabs, ignore_errors=True)  # those of last time
    print(f"JupyterLab opens {page}; Ctrl-C ends it.", flush=True)
    server.serve(
        page, root, tabs, arguments.port, run=not arguments.procedure, browser=not arguments.no_browser, collapse=arguments.collapse_code
    )  # fmt: skip
    return 0


def _copy(arguments: argparse.Namespace, root: Path) -> Path:
    """A working copy in the new folder of the record that its first run will write."""
    from rollback_lib.cli import parameters
    from rollback_lib.errors import ParameterError
    from rollback_lib.record.contents import WORKING_COPY
    from rollback_lib.record.folder import Folder
    from rollback_lib.run import options
    from rollback_lib.runbook import working_copy
    from rollback_lib.stack.model import lasting

    if not arguments.stack:
        raise ParameterError(f"--stack: the name of the stack is expected beside {arguments.procedure}; only the start page needs none")
    source = parameters.notebook(arguments.procedure)
    given = parameters.given(arguments.parameters, source, without=("stack",))
    stack = lasting(arguments.stack)
    options.check_notebook(arguments.procedure, stack, given)
    return working_copy.copy(source, Folder.create(arguments.procedure, root).path / WORKING_COPY, {"stack": stack, **given})


def _start(arguments: argparse.Namespace, root: Path) -> Path:
    """The start page, which the server runs, so that it shows what there is when it opens."""
    from rollback_lib.errors import ParameterError
    from rollback_lib.runbook import metadata, working_copy
    from rollback_lib.stack.model import Stack, lasting

    if arguments.parameters:
        raise ParameterError("-p is for the notebook of a procedure; name it: `rollback open PROCEDURE`")
    stack = lasting(arguments.stack) if arguments.stack else ""
    if stack:
        Stack.load(stack)
    return working_copy.copy(metadata.start(), working_copy.place(root) / "start.ipynb", {"stack": stack})
