"""`rollback mark`: after a deploy, what runs is entered as known good; or as bad, when it was found to be."""

import argparse
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rollback_lib.run.stages import Closing


def add(commands: Any) -> None:
    """The parser of this command."""
    parser = commands.add_parser("mark", help="after a deploy: if every route is healthy, what runs is known good from then on")
    parser.add_argument("--stack", required=True, help="a name in parameters/, or a YAML file")
    parser.add_argument(
        "--bad", nargs="?", const="", metavar="COMMIT",
        help="enter what runs as bad instead, or that commit, so that no rollback proposes it; needs no health",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.set_defaults(command=_mark)


def _mark(arguments: argparse.Namespace) -> int:
    import signal

    from rollback_lib.settings import SSH_CONFIGURATION, import_less

    import_less(SSH_CONFIGURATION)
    from rollback_lib.procedures import mark
    from rollback_lib.run import marking
    from rollback_lib.run.console import Unattended

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a pipeline that is cancelled; the record says so
    verdict = mark.HEALTHY if arguments.bad is None else mark.BAD
    console = Unattended(_say)
    return _tell(marking.run(arguments.stack, console, verdict=verdict, target=arguments.bad or ""), as_json=arguments.json)


def _say(line: str) -> None:
    """Say on standard error what is waited for and what is amiss. Commands and their output are in the record."""
    import sys

    if line.startswith(("●", "▲", "✘")):
        print(line, file=sys.stderr, flush=True)


def _tell(closing: "Closing", *, as_json: bool) -> int:
    from rollback_lib.record.folder import Folder
    from rollback_lib.secrets.redactor import clean
    from rollback_lib.text import times

    if as_json:
        found = Folder(closing.folder).record().get("found", {})
        head = {"verdict": closing.verdict, "status": closing.verdict.status, "reason": clean(closing.reason)}
        print(json.dumps({**head, "folder": str(closing.folder), "seconds": closing.seconds, "next": closing.next_actions, **found}))
    else:
        print(f"{closing.verdict}: {clean(closing.reason)}")
        print(f"{times.exactly(closing.seconds)}; the record is in {closing.folder}")
        for line in closing.next_actions:
            print(f"Next: {clean(line)}")
    return closing.verdict.status
