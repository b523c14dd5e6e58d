"""`rollback incidents diff`: two records beside each other."""

import argparse
import json
from typing import Any

_ID = "its id, as `rollback incidents list` shows it"


def add(actions: Any) -> None:
    """The parsers of these commands."""
    from rollback_lib.cli import records

    diff = actions.add_parser("diff", help="what differs between two records: target, plan, state, parameters, times, outcome, the host")
    diff.add_argument("incident", metavar="A", help=_ID)
    diff.add_argument("other", metavar="B", help="that of another")
    diff.add_argument("--json", action="store_true", help="all of it, as JSON")
    diff.set_defaults(command=_diff)
    records.add(diff)


def _diff(arguments: argparse.Namespace) -> int:
    from rollback_lib.cli import records
    from rollback_lib.report.comparison import compare
    from rollback_lib.terminal.comparison import lines
    from rollback_lib.terminal.printer import printer

    known = compare(*(records.folder(arguments, incident) for incident in (arguments.incident, arguments.other)))
    if arguments.json:
        print(json.dumps(known.data(), indent=1, ensure_ascii=False))
    else:
        printer().show(lines(known))
    return 0
