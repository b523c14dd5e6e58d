"""`rollback lab` and `rollback drill`: the practice host."""

import argparse
import json
from functools import partial
from typing import TYPE_CHECKING, Any

from rollback_lib.errors import ParameterError

if TYPE_CHECKING:
    from lab.practice_host import PracticeHost


def add(commands: Any) -> None:
    """The parsers of these commands."""
    lab = commands.add_parser("lab", help="the practice host: up, down, reset, status, break").add_subparsers(
        required=True, metavar="ACTION"
    )
    for action, words in (
        ("up", "build and start it"), ("down", "remove it"), ("reset", "reset it to its clean state"),
        ("status", "show its state"), ("break", "break it for real"),
    ):  # fmt: skip
        sub = lab.add_parser(action, help=words)
        sub.add_argument("--name", default="drill", help="which one (default: drill)")
        if action == "up":
            sub.add_argument("--ssh-port", type=int, help="on 127.0.0.1 (default: 22022)")
            sub.add_argument("--https-port", type=int, help="on 127.0.0.1 (default: 22443)")
        if action in ("up", "reset"):
            sub.add_argument(
                "--shape", metavar="DIMENSION=VALUE,…", help="a host of another shape, as user=deploy,shell=fish; lab/shapes/ has them"
            )
        if action == "down":
            sub.add_argument("--all", action="store_true", help="also the images and disks that new ones are made from")
        if action == "status":
            sub.add_argument("--json", action="store_true")
        if action == "break":
            sub.add_argument("scenario", help="what to break: code, image, env, caddyfile, database, datafile, stack")
        sub.set_defaults(command=_lab, action=action)

    record = lab.add_parser("record", help="run the notebooks in drills, and keep their outputs in notebooks/ as the worked example")
    record.add_argument("procedures", nargs="*", metavar="PROCEDURE", help="which ones (default: all)")
    record.add_argument("--name", default="drill", help="on which practice host (default: drill)")
    record.set_defaults(command=_record)

    drill = commands.add_parser("drill", help="break the practice host, run the notebook headless, verify, score against the budget")
    drill.add_argument("procedures", nargs="*", metavar="PROCEDURE", help="which ones (default: all)")
    drill.add_argument("--name", default="drill", help="on which practice host (default: drill)")
    drill.set_defaults(command=_drill)


def _lab(arguments: argparse.Namespace) -> int:
    from lab import shapes
    from lab.practice_host import HTTPS_PORT, SSH_PORT, PracticeHost

    name = arguments.name
    shape = shapes.parse(arguments.shape) if getattr(arguments, "shape", None) else {}
    if arguments.action == "up":
        host = PracticeHost.saved(name) or PracticeHost(name, arguments.ssh_port or SSH_PORT, arguments.https_port or HTTPS_PORT)
        if shape and host.running():
            raise ParameterError(f"the practice host {name} is up already; `rollback lab reset --name {name} --shape …` recreates it")
        scenario = host.up()
        host.shape(shape)
        print(f"The practice host {name} is up: ssh -F {host.ssh_config} contabo")
        if scenario:
            print(_broken(scenario, host))
        return 0
    host = PracticeHost.load(name)
    if arguments.action == "down":
        host.down(everything=arguments.all)
        print(f"The practice host {name} is gone.")
    elif arguments.action == "reset":
        host.reset()
        host.shape(shape)
        print(f"The practice host {name} is back in its clean state.")
    elif arguments.action == "break":
        print(f"Broken: {host.break_(arguments.scenario)}.")
    else:
        _print_status(host, host.status(), as_json=arguments.json)
    return 0


def _broken(scenario: str, host: "PracticeHost") -> str:
    from lab.practice_host import SCENARIOS

    return f"It is broken as `rollback lab break {scenario}` does: {SCENARIOS[scenario][0]}; {host.to_reset} puts it back."


def _print_status(host: "PracticeHost", status: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(status, indent=2))
        return
    print(f"{status['name']}: {'running' if status['running'] else 'not running'}, ssh {status['ssh_port']}, https {status['https_port']}")
    if status["running"]:
        if status["shape"]:
            print("shape " + ", ".join(f"{dimension}={value}" for dimension, value in status["shape"].items()))
        if status["scenario"]:
            print(_broken(status["scenario"], host))
        print(f"HEAD {status['head']}")
        for route, healthy in status["routes"].items():
            print(f"{'✔' if healthy else '✘'} {route}")
        for container, state in status["containers"].items():
            print(f"  {container}: {state}")


def _record(arguments: argparse.Namespace) -> int:
    from lab.practice_host import PracticeHost
    from lab.reference import RECORDED, record
    from rollback_lib.settings import clone

    if clone() is None:
        raise ParameterError("`rollback lab record` writes the notebooks of a clone of this project; run it in one")
    unknown = [name for name in arguments.procedures if name not in RECORDED]
    if unknown:
        raise ParameterError(f"there is no notebook of {unknown[0]!r}; there are: {', '.join(RECORDED)}")
    host = PracticeHost.saved(arguments.name) or PracticeHost(arguments.name)
    for procedure in arguments.procedures or RECORDED:
        print(f"Recorded: {record(host, procedure)}", flush=True)
    return 0


def _drill(arguments: argparse.Namespace) -> int:
    from lab.drill import DRILLS, drill, drills, table
    from lab.practice_host import PracticeHost
    from rollback_lib.cli.runs import run_notebook, sentence
    from rollback_lib.record.folder import incidents_root
    from rollback_lib.terminal.viewer import Viewer

    unknown = [name for name in arguments.procedures if name not in drills()]
    if unknown:
        raise ParameterError(f"there is no drill {unknown[0]!r}; there are: {', '.join(drills())}")
    host = PracticeHost.saved(arguments.name) or PracticeHost(arguments.name)
    run = partial(run_notebook, watch=Viewer(incidents_root(), lines=False).watch)
    scores = []
    for procedure in arguments.procedures or DRILLS:
        scores.append(drill(host, procedure, run))
        print(sentence(scores[-1].outcome), end="\n\n", flush=True)
    print(table(scores))
    return max(score.outcome.verdict.status for score in scores)
