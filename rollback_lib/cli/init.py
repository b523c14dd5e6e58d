"""`rollback init`: a runbook folder, or the stack file of a host."""

import argparse
from pathlib import Path
from typing import Any

from rollback_lib.errors import ParameterError


def add(commands: Any) -> None:
    """The parser of this command."""
    init = commands.add_parser("init", help="make a runbook folder; or look at a host, and write its stack file")
    init.add_argument(
        "target", nargs="?", default=".", metavar="TARGET",
        help="a folder, written with a slash (default: the current one); or an SSH host, a word without one",
    )  # fmt: skip
    init.add_argument("--ssh-config", default="", metavar="FILE", help="for a host: an OpenSSH configuration instead of the usual ones")
    init.add_argument(
        "--name",
        default="",
        metavar="NAME",
        help="for a host: what its stack and its file are called (default: the compose project's name)",
    )
    init.add_argument("--project", default="", metavar="NAME", help="for a host: the compose project, where there are several")
    init.set_defaults(command=_init)


def _init(arguments: argparse.Namespace) -> int:
    if arguments.target not in (".", "..", "~") and "/" not in arguments.target:
        from rollback_lib.cli import discover

        return discover.run(arguments)
    if arguments.ssh_config or arguments.name or arguments.project:
        raise ParameterError(f"--ssh-config, --name and --project are for a host, and {arguments.target} is a folder; leave them out")
    return _folder(arguments.target)


def _folder(target: str) -> int:
    from rollback_lib.runbook import new_folder
    from rollback_lib.settings import version

    folder = Path(target).expanduser().resolve()
    made = new_folder.make(folder)
    wrote = f": {len(made.written)} files written" if made.written else " already"
    print(f"{folder} is a runbook folder{wrote}.")
    if made.left:
        print(f"Left as they are: {', '.join(made.left)}.")
    if made.differing:
        print(f"Not those of this version, {version()}: {', '.join(made.differing)}.")
        print("To take the new ones, move these away and run `rollback init` again.")
    if made.written:
        print("Next: `rollback init HOST` there describes the stack of a host in parameters/; or practise: `rollback drill code`.")
    return 0
