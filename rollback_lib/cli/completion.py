"""`rollback completion`: what a shell needs to complete commands, options, procedures, stacks and incidents at the TAB key."""

import argparse
import os
from collections.abc import Callable, Iterable
from typing import Any

from rollback_lib.errors import RollbackError

SHELLS = ("bash", "zsh", "fish")


def add(commands: Any) -> None:
    """The parser of this command."""
    parser = commands.add_parser("completion", help="print the script that lets your shell complete `rollback` commands")
    parser.add_argument("shell", choices=SHELLS, help="whose script")
    parser.set_defaults(command=_print)


def _print(arguments: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    print(shellcode(["rollback"], shell=arguments.shell))
    return 0


def attend(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks for completion, and end; nothing where none asks."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser, always_complete_options=False, default_completer=_words)  # type: ignore[arg-type]


def _words(prefix: str, action: argparse.Action, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """What fits an argument, by its name; files where nothing else is known."""
    known = _KNOWN.get(action.dest)
    if known:
        try:
            return known(parsed_args)
        except RollbackError:  # no runbook folder, or no such notebook: there is nothing to choose from
            return []
    from argcomplete.completers import FilesCompleter

    return list(FilesCompleter()(prefix))


def _procedures(_: argparse.Namespace) -> list[str]:
    from importlib.metadata import entry_points

    from rollback_lib.cli.parameters import OTHERS

    return sorted(point.name for point in entry_points(group="rollback.procedures") if point.name not in OTHERS)


def _stacks(_: argparse.Namespace) -> list[str]:
    from rollback_lib.settings import home

    return sorted(file.stem for file in (home() / "parameters").glob("*.yaml"))


def _incidents(_: argparse.Namespace) -> dict[str, str]:
    """Each with what it was, which zsh and fish show beside it."""
    from rollback_lib.record.folder import incidents_root
    from rollback_lib.record.history import incidents

    names = ("opened", "procedure", "stack", "verdict")
    return {one["incident"]: " ".join(str(one.get(name, "")) for name in names) for one in incidents(incidents_root())}


def _keys(arguments: argparse.Namespace) -> list[str]:
    """The parameters of the notebook, to be given a value."""
    from rollback_lib.cli import parameters, runs

    return [f"{name}=" for name in parameters.names(parameters.notebook(arguments.procedure)) if name not in runs.OWN]


def _verdicts(_: argparse.Namespace) -> list[str]:
    from rollback_lib.record.verdict import Verdict

    return [*Verdict, "open"]


def _points(_: argparse.Namespace) -> Iterable[str]:
    from rollback_lib.run.checklist import VOUCHED

    return VOUCHED


_KNOWN: dict[str, Callable[[argparse.Namespace], Iterable[str]]] = {
    "procedure": _procedures, "procedures": _procedures, "stack": _stacks, "incident": _incidents, "other": _incidents, "parameters": _keys,
    "verdict": _verdicts, "checked": _points,
}  # fmt: skip
