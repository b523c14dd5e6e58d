"""The command line: `rollback init`, `check`, `run`, `undo`, `resume`, `approve`, `mark`, `guard`, `follow`, `open`, `incidents`, `review`,
`docs`, `lab`, `drill`, `completion`.

What a command needs is imported when it runs.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from rollback_lib.errors import RollbackError


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is one of docs/exit-statuses.md."""
    from rollback_lib.cli import completion

    parser = _parser()
    completion.attend(parser)
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except RollbackError as error:
        print(f"rollback: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print("rollback: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `rollback incidents list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    from rollback_lib.cli import approve, check, completion, follow, guard, incidents, init, mark, opening, pages, practice, runs

    parser = argparse.ArgumentParser(prog="rollback", description="Executable rollback runbooks for a docker compose stack.")
    parser.add_argument("--version", action=_Version, nargs=0, help="the version of the package")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (init, check, runs, approve, mark, guard, follow, opening, incidents, pages, practice, completion):
        module.add(commands)
    return parser


class _Version(argparse.Action):
    """Prints the version. That of argparse would look it up for every command, which takes longer than to read the arguments."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from rollback_lib.settings import PACKAGE, version

        print(f"{PACKAGE} {version()}")
        parser.exit()


def entry() -> None:
    """What the console script calls. All is on disk by now; taking papermill's modules down one by one would take 0.4 s."""
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    entry()
