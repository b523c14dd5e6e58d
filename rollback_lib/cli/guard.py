"""`rollback guard`: the last line of a deploy. The routes hold for a while, and the release is marked; or it is rolled back."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rollback_lib.errors import ParameterError

if TYPE_CHECKING:
    from rollback_lib.procedures.guard import RolledBack, WayBack


def add(commands: Any) -> None:
    """The parser of this command."""
    from rollback_lib.cli import runs

    parser = commands.add_parser(
        "guard", help="after a deploy: if every route holds for a while, what runs is known good; if not, it is rolled back"
    )
    parser.add_argument("--stack", required=True, help="a name in parameters/, or a YAML file")
    parser.add_argument("--for", dest="hold", required=True, metavar="TIME", help="how long every route has to hold: 90s, 10m, 1h")
    parser.add_argument("--apply", action="store_true", help="roll back what does not hold, instead of planning that; needs --confirm")
    parser.add_argument("--confirm", default="", metavar="HOST", help="the host's name, as in the stack")
    parser.add_argument(
        "--checked", default="", metavar="POINTS", help="points of the rollback's checklist that you vouch for: change,target,people"
    )
    runs.output(parser)
    parser.set_defaults(command=_guard)


def _guard(arguments: argparse.Namespace) -> int:
    import signal

    from rollback_lib.settings import SSH_CONFIGURATION, import_less

    import_less(SSH_CONFIGURATION)
    from rollback_lib.cli import runs
    from rollback_lib.run import guarding
    from rollback_lib.run.console import Unattended

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a pipeline that is cancelled; the record says so
    _check(arguments)
    closing = guarding.run(
        arguments.stack, Unattended(lambda _: None), hold=arguments.hold, apply=arguments.apply, roll_back=_roll_back(arguments),
        watch=runs.watch(arguments),
    )  # fmt: skip
    return runs.tell(closing.folder, closing.seconds, arguments, found=True)


def _check(arguments: argparse.Namespace) -> None:
    """Raises ParameterError where a rollback would be refused by its own parameters, before anything is contacted."""
    from rollback_lib.run.checklist import checked
    from rollback_lib.stack.model import Stack

    checked(arguments.checked)
    stack = Stack.load(arguments.stack)
    host = stack.host
    if arguments.apply and stack.approval:
        stack.approval.check()
    if arguments.apply and arguments.confirm != host:
        raise ParameterError(f"--apply changes {host}; say so with --confirm {host} (it is {arguments.confirm!r})")


def _roll_back(arguments: argparse.Namespace) -> "Callable[[WayBack], RolledBack]":
    """What runs the rollback: its notebook, headless. What loses data is only planned."""
    from rollback_lib.cli import parameters, runs
    from rollback_lib.procedures.guard import RolledBack
    from rollback_lib.record.folder import Folder
    from rollback_lib.runbook import parameters_cell

    def roll_back(way: "WayBack") -> "RolledBack":
        known = parameters.names(parameters.notebook(way.procedure))
        applies = arguments.apply and not parameters_cell.loses_data(known, way.parameters)
        given = {
            "mode": "apply" if applies else "plan", "confirm": arguments.confirm, "checked": arguments.checked, "reason": way.reason,
            **way.parameters,
        }  # fmt: skip
        used = {name: value for name, value in given.items() if name in known}
        ended = runs.run_notebook(way.procedure, {"stack": arguments.stack, **used}, watch=runs.watch(arguments))
        folder = Folder(ended.folder)
        return RolledBack(folder.id, ended.verdict, ended.reason, folder.path, str(folder.record().get("plan", "")))

    return roll_back
