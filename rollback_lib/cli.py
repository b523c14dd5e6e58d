"""The command line: `rollback run …`, `rollback lab …`, `rollback drill …`."""

import argparse
import ast
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollback_lib.errors import ParameterError, RollbackError

if TYPE_CHECKING:
    from rollback_lib.headless.runner import Outcome

OWN = ("stack", "mode", "confirm", "on_failure")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is that of README.md, "Exit status"."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except RollbackError as error:
        print(f"rollback: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print("rollback: stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rollback", description="Executable rollback runbooks for a docker compose stack.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run a procedure's notebook headless; it only plans unless --apply is given")
    run.add_argument("procedure", help="the notebook's name without its number, as in notebooks/: code")
    run.add_argument("--stack", required=True, help="a name in parameters/, or a YAML file")
    run.add_argument(
        "-p", dest="parameters", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the notebook; always text"
    )
    run.add_argument("--apply", action="store_true", help="change the host; needs --confirm")
    run.add_argument("--confirm", default="", metavar="HOST", help="the host's name, as in the stack")
    run.add_argument("--on-failure", default="stop", choices=("stop", "undo"), help="what to do when the rollback fails (default: stop)")
    run.add_argument("--json", action="store_true", help="print the outcome as JSON")
    run.set_defaults(command=_run)

    lab = commands.add_parser("lab", help="the practice host: up, down, reset, status, break").add_subparsers(
        required=True, metavar="ACTION"
    )
    for action, words in (
        ("up", "build and start it"), ("down", "remove it"), ("reset", "put it back to its clean state"),
        ("status", "say how it is"), ("break", "break it for real"),
    ):  # fmt: skip
        sub = lab.add_parser(action, help=words)
        sub.add_argument("--name", default="drill", help="which one (default: drill)")
        if action == "up":
            sub.add_argument("--ssh-port", type=int, help="on 127.0.0.1 (default: 22022)")
            sub.add_argument("--https-port", type=int, help="on 127.0.0.1 (default: 22443)")
        if action == "down":
            sub.add_argument("--all", action="store_true", help="also the images and disks that new ones are made from")
        if action == "status":
            sub.add_argument("--json", action="store_true")
        if action == "break":
            sub.add_argument("scenario", help="what to break: code, image, env, caddyfile, database, stack")
        sub.set_defaults(command=_lab, action=action)

    drill = commands.add_parser("drill", help="break the practice host, run the notebook headless, verify, score against the budget")
    drill.add_argument("procedures", nargs="*", metavar="PROCEDURE", help="which ones (default: all there are)")
    drill.add_argument("--name", default="drill", help="on which practice host (default: drill)")
    drill.set_defaults(command=_drill)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from rollback_lib.headless import runner

    source = runner.notebook(arguments.procedure)
    if source is None:
        known = ", ".join(path.stem[3:] for path in sorted(runner.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")))
        raise ParameterError(f"there is no procedure {arguments.procedure!r}; there are: {known}")
    given = _given(arguments.parameters, source)
    if arguments.apply and "accept_loss" in _names(source) and given.get("accept_loss") != "true":
        raise ParameterError(f"--apply of {arguments.procedure} loses data; read its plan, then say so with -p accept_loss=true")
    mode = "apply" if arguments.apply else "plan"
    parameters = {"stack": arguments.stack, "mode": mode, "confirm": arguments.confirm, "on_failure": arguments.on_failure, **given}
    outcome = _run_notebook(arguments.procedure, parameters)
    if arguments.json:
        print(json.dumps({**outcome.__dict__, "folder": str(outcome.folder), "status": outcome.verdict.status}))
    else:
        print(_sentence(outcome))
    return outcome.verdict.status


def _run_notebook(procedure: str, parameters: dict[str, Any]) -> "Outcome":
    from rollback_lib.headless import runner
    from rollback_lib.record.folder import incidents_root

    def check() -> None:
        from rollback_lib import checks
        from rollback_lib.stack import Stack

        wanted = {"reason": "", **{key: value for key, value in parameters.items() if key not in ("stack", "confirm")}}
        checks.check(procedure, parameters["stack"], **wanted)
        if parameters["mode"] == "apply" and parameters["confirm"] != (host := Stack.load(parameters["stack"]).host):
            raise ParameterError(f"--apply changes {host}; say so with --confirm {host} (it is {parameters['confirm']!r})")

    return runner.run(procedure, parameters, root=incidents_root(), check=check)


def _given(words: Sequence[str], source: Path) -> dict[str, str]:
    """-p KEY=VALUE as text, its keys checked against the notebook's parameters."""
    known = [name for name in _names(source) if name not in OWN]
    given = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ParameterError(f"-p {word}: KEY=VALUE is expected")
        if key not in known:
            raise ParameterError(f"-p {key}: {source.name} has no such parameter; there are: {', '.join(known)}")
        given[key] = value
    return given


def _names(source: Path) -> list[str]:
    """The names assigned in a notebook's cell with the tag `parameters`."""
    cells = json.loads(source.read_text())["cells"]
    cell = next(cell for cell in cells if "parameters" in cell["metadata"].get("tags", ()))
    assigned = ast.parse("".join(cell["source"])).body
    return [node.target.id for node in assigned if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]


def _sentence(outcome: "Outcome") -> str:
    budget = f", {'within' if outcome.seconds <= outcome.budget else 'over'} the budget of {outcome.budget:.0f} s" if outcome.budget else ""
    return f"{outcome.verdict}: {outcome.reason}\n{outcome.seconds:.1f} s{budget}; the record is in {outcome.folder}"


def _lab(arguments: argparse.Namespace) -> int:
    from lab.practice_host import HTTPS_PORT, SSH_PORT, PracticeHost

    name = arguments.name
    if arguments.action == "up":
        host = PracticeHost.saved(name) or PracticeHost(name, arguments.ssh_port or SSH_PORT, arguments.https_port or HTTPS_PORT)
        host.up()
        print(f"The practice host {name} is up: ssh -F {host.ssh_config} contabo")
        return 0
    host = PracticeHost.load(name)
    if arguments.action == "down":
        host.down(everything=arguments.all)
        print(f"The practice host {name} is gone.")
    elif arguments.action == "reset":
        host.reset()
        print(f"The practice host {name} is back in its clean state.")
    elif arguments.action == "break":
        print(f"Broken: {host.break_(arguments.scenario)}.")
    else:
        _print_status(host.status(), as_json=arguments.json)
    return 0


def _print_status(status: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(status, indent=2))
        return
    print(f"{status['name']}: {'running' if status['running'] else 'not running'}, ssh {status['ssh_port']}, https {status['https_port']}")
    if status["running"]:
        print(f"HEAD {status['head']}")
        for route, healthy in status["routes"].items():
            print(f"{'✔' if healthy else '✘'} {route}")
        for container, state in status["containers"].items():
            print(f"  {container}: {state}")


def _drill(arguments: argparse.Namespace) -> int:
    from lab.drill import DRILLS, drill, table
    from lab.practice_host import PracticeHost

    unknown = [name for name in arguments.procedures if name not in DRILLS]
    if unknown:
        raise ParameterError(f"there is no drill {unknown[0]!r}; there are: {', '.join(DRILLS)}")
    host = PracticeHost.saved(arguments.name) or PracticeHost(arguments.name)
    scores = []
    for procedure in arguments.procedures or DRILLS:
        scores.append(drill(host, procedure, _run_notebook))
        print(_sentence(scores[-1].outcome), end="\n\n", flush=True)
    print(table(scores))
    return max(score.outcome.verdict.status for score in scores)


def entry() -> None:
    """What the console script calls. All is on disk by now; taking papermill's modules down one by one would take 0.4 s."""
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    entry()
