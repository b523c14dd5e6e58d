"""`rollback follow`: watch the run that holds a stack, from another machine."""

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rollback_lib.following.follower import Follower


def add(commands: Any) -> None:
    """The parser of this command."""
    parser = commands.add_parser("follow", help="watch the run that somebody else has going on; changes nothing, and does not disturb it")
    parser.add_argument("--stack", required=True, help="a name in parameters/, or a YAML file")
    parser.add_argument("--wait", action="store_true", help="if no run is in progress, wait for the next")
    parser.add_argument("--json", action="store_true", help="print events as JSON, one per line")
    parser.set_defaults(command=_follow)


def _follow(arguments: argparse.Namespace) -> int:
    from rollback_lib.settings import SSH_CONFIGURATION, import_less

    import_less(SSH_CONFIGURATION)
    from rollback_lib.following.follower import Follower
    from rollback_lib.stack.model import Stack

    try:
        follower = Follower(Stack.load(arguments.stack))
        try:
            return _as_json(follower, wait=arguments.wait) if arguments.json else _shown(follower, wait=arguments.wait)
        finally:
            follower.close()
    except KeyboardInterrupt:
        print("rollback: no longer following; the run itself continues", file=sys.stderr)
        return 0


def _as_json(follower: "Follower", *, wait: bool) -> int:
    from rollback_lib.following.hidden import cleaned

    status = 0
    for event in follower.events(wait=wait):
        print(json.dumps(cleaned(event, follower.redactor), ensure_ascii=False), flush=True)
        status = event.get("status", status) if event["event"] == "ended" else status
    return status


def _shown(follower: "Follower", *, wait: bool) -> int:
    from rollback_lib.terminal.following import Viewer
    from rollback_lib.terminal.printer import printer

    status = 0
    viewer = Viewer(printer())
    with viewer.going():
        for event in follower.events(wait=wait):
            viewer.show(event)
            status = event["status"] if event["event"] == "ended" else status
    return status
