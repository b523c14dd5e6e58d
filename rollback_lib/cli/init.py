"""`rollback init`: the stack file of a host, made by looking at it."""

import argparse
from typing import Any


def add(commands: Any) -> None:
    """The parser of this command."""
    parser = commands.add_parser("init", help="make the stack file of a host by looking at it; nothing is changed there")
    parser.add_argument("target", metavar="HOST", help="an alias of your OpenSSH configuration")
    parser.add_argument("--ssh-config", default="", metavar="FILE", help="an OpenSSH configuration instead of the usual ones")
    parser.add_argument("--name", default="", help="what the stack and its file are called (default: the compose project's name)")
    parser.add_argument("--project", default="", metavar="NAME", help="the compose project, where there are several on the host")
    parser.set_defaults(command=_init)


def _init(arguments: argparse.Namespace) -> int:
    from rollback_lib.cli import discover

    return discover.run(arguments)
