"""`rollback run`, `undo` and `resume`: a notebook, headless."""

import argparse
import json
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from rollback_lib.errors import ParameterError

if TYPE_CHECKING:
    from pathlib import Path

    from rollback_lib.headless.runner import Outcome, Watch

OWN = ("stack", "mode", "confirm", "on_failure", "take_over", "revert_after", "reviewed", "checked", "break_glass")


def add(commands: Any) -> None:
    """The parsers of these commands."""
    run = commands.add_parser("run", help="run a procedure's notebook headless; it only plans unless --apply is given")
    run.add_argument("procedure", help="the notebook's name without its number, as in notebooks/: code")
    run.add_argument("--stack", required=True, help="a name in parameters/, or a YAML file")
    run.add_argument(
        "-p", dest="parameters", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the notebook; always text"
    )
    _safety(run)
    run.add_argument(
        "--break-glass", default="", metavar="REASON",
        help="in an emergency, apply without the approval that the stack asks for; everybody is told",
    )  # fmt: skip
    output(run)
    run.set_defaults(command=_run)

    undo = commands.add_parser("undo", help="bring the host back to its state before a run; it only plans unless --apply is given")
    undo.add_argument("incident", metavar="INCIDENT", help="its id, as `rollback incidents list` shows it")
    _safety(undo)
    undo.add_argument("--reason", default="", metavar="TEXT", help="why, for the record")
    output(undo)
    undo.set_defaults(command=_undo)

    resume = commands.add_parser("resume", help="resume an incident whose run was cut off: attach to what runs, skip what is done")
    resume.add_argument("incident", metavar="INCIDENT", help="its id, as `rollback incidents list` shows it")
    resume.add_argument("--take-over", action="store_true", help="take over the lock from its holder, and end the step that runs there")
    resume.add_argument("--accept-loss", action="store_true", help="accept what a database loses, as counted again")
    output(resume)
    resume.set_defaults(command=_resume)


def output(parser: argparse.ArgumentParser) -> None:
    """The options of what a run prints."""
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--quiet", "-q", action="store_true", help="print the verdict and nothing else")
    instead.add_argument("--json", action="store_true", help="print the outcome as JSON and nothing else")


def _safety(parser: argparse.ArgumentParser) -> None:
    """The options of every run that may change a host."""
    parser.add_argument("--apply", action="store_true", help="change the host; needs --confirm")
    parser.add_argument("--confirm", default="", metavar="HOST", help="the host's name, as in the stack")
    parser.add_argument("--checked", default="", metavar="POINTS", help="points of the checklist that you vouch for: change,target,people")
    parser.add_argument("--plan", default="", metavar="HASH", help="apply the plan that was reviewed, and refuse any other")
    parser.add_argument("--on-failure", default="stop", choices=("stop", "undo"), help="what to do when the rollback fails (default: stop)")
    parser.add_argument(
        "--revert-after", default="", metavar="TIME",
        help="let the host undo by itself this long (90s, 5m, 1h) after the first change, unless the run is healthy by then",
    )  # fmt: skip
    parser.add_argument("--take-over", action="store_true", help="take over the lock from its holder, and end the step that runs there")


def _run(arguments: argparse.Namespace) -> int:
    from rollback_lib.cli import parameters
    from rollback_lib.runbook import parameters_cell

    source = parameters.notebook(arguments.procedure)
    known = parameters.names(source)
    given = parameters.given(arguments.parameters, source, without=OWN)
    if arguments.apply and parameters_cell.loses_data(known, given) and given.get("accept_loss") != "true":
        raise ParameterError(f"--apply of {arguments.procedure} loses data; read its plan, then say so with -p accept_loss=true")
    if arguments.break_glass and not (arguments.apply and "break_glass" in known):
        raise ParameterError("--break-glass continues without an approval; give it together with --apply, to a rollback that can need one")
    every = {**_options(arguments), "break_glass": arguments.break_glass}
    options = {name: value for name, value in every.items() if name in known}
    if arguments.apply and "mode" not in options:
        raise ParameterError(f"{arguments.procedure} only looks, so there is nothing to --apply; leave that out")
    return _tell(run_notebook(arguments.procedure, {"stack": arguments.stack, **options, **given}, watch=watch(arguments)), arguments)


def _options(arguments: argparse.Namespace) -> dict[str, str]:
    """The parameters of a notebook that `_safety` has the words for."""
    if arguments.plan and not arguments.apply:
        raise ParameterError("--plan HASH applies the plan that was reviewed; give it together with --apply")
    return {
        "mode": "apply" if arguments.apply else "plan", "confirm": arguments.confirm, "on_failure": arguments.on_failure,
        "take_over": str(arguments.take_over).lower(), "revert_after": arguments.revert_after, "reviewed": arguments.plan,
        "checked": arguments.checked,
    }  # fmt: skip


def _undo(arguments: argparse.Namespace) -> int:
    given = {"incident": arguments.incident, "reason": arguments.reason, **_options(arguments)}
    return _tell(run_notebook("undo", given, watch=watch(arguments)), arguments)


def _resume(arguments: argparse.Namespace) -> int:
    from rollback_lib.headless import runner
    from rollback_lib.record.folder import incidents_root
    from rollback_lib.record.history import folder_of
    from rollback_lib.run import resume

    root = incidents_root()
    folder = folder_of(root, arguments.incident)
    resume.opening(folder, root)  # refuses what cannot be resumed
    parameters = {"incident": str(folder), "take_over": str(arguments.take_over).lower()}
    parameters["accept_loss"] = str(arguments.accept_loss).lower()
    return _tell(runner.resume(folder, parameters, root=root, watch=watch(arguments)), arguments)


def watch(arguments: argparse.Namespace) -> "Watch":
    """What shows the run while it is under way."""
    from rollback_lib.record.folder import incidents_root
    from rollback_lib.terminal.viewer import Viewer, unseen

    return unseen if arguments.json or arguments.quiet else Viewer(incidents_root()).watch


def _tell(outcome: "Outcome", arguments: argparse.Namespace) -> int:
    return tell(outcome.folder, outcome.seconds, arguments)


def tell(folder: "Path", seconds: float, arguments: argparse.Namespace, *, found: bool = False) -> int:
    """Print how the run with that record ended, with `found` also what it found as JSON. The exit status is that of the verdict, whatever
    becomes of what is printed."""
    from rollback_lib.record.folder import Folder
    from rollback_lib.secrets.redactor import Redactor, clean
    from rollback_lib.terminal.ended import Ended
    from rollback_lib.terminal.printer import printer, say

    ended = Ended(Folder(folder), seconds)
    if arguments.json:
        data = {**ended.data(), **(ended.record.get("found", {}) if found else {})}
        say(json.dumps(Redactor().clean_all(data), ensure_ascii=False))
    elif arguments.quiet:
        say(clean(ended.sentence))
    else:
        printer().show(ended.lines())
    return ended.verdict.status


def run_notebook(procedure: str, parameters: dict[str, Any], *, watch: "Watch" = nullcontext) -> "Outcome":
    """Run a procedure's notebook with these parameters, shown by `watch`. Raises ParameterError before anything is contacted."""
    from rollback_lib.headless import runner
    from rollback_lib.record.folder import incidents_root

    return runner.run(procedure, parameters, root=incidents_root(), watch=watch)


def sentence(outcome: "Outcome") -> str:
    """How a run ended, and where its record is."""
    from rollback_lib.text import times

    took = times.against(outcome.seconds, outcome.budget) if outcome.budget else times.exactly(outcome.seconds)
    return f"{outcome.verdict}: {outcome.reason}\n{took}; the record is in {outcome.folder}"
