"""`rollback incidents stats`: how long rollbacks take, how often they are needed, what is practised, what was mended later."""

import argparse
import json
from pathlib import Path
from typing import Any


def add(actions: Any) -> None:
    """The parser of this command."""
    from rollback_lib.cli import records

    parser = actions.add_parser("stats", help="time to healthy, how often each procedure was needed, drills, readiness, failures mended")
    parser.add_argument("--stack", default="")
    parser.add_argument("--since", type=records.day, metavar="YYYY-MM-DD")
    parser.add_argument("--until", type=records.day, metavar="YYYY-MM-DD")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--json", action="store_true", help="all of it, as JSON")
    instead.add_argument("-o", dest="file", type=Path, metavar="FILE", help="write a page with charts, as one HTML file")
    records.add(parser)
    parser.set_defaults(command=_stats)


def _stats(arguments: argparse.Namespace) -> int:
    from rollback_lib.cli import reading, records
    from rollback_lib.record.statistics import statistics
    from rollback_lib.report import statistics as page
    from rollback_lib.terminal import statistics as shown
    from rollback_lib.terminal.printer import printer

    known = statistics(records.of(arguments).ran(stack=arguments.stack, since=arguments.since), arguments.until)
    if arguments.json:
        print(json.dumps(known.data(), indent=1, ensure_ascii=False))
    elif arguments.file:
        reading.write(arguments.file, page.html(known, arguments.stack, arguments.archive))
        print(f"The page is {arguments.file}.")
    else:
        printer().show(shown.lines(known))
    return 0
