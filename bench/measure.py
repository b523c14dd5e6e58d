"""Measures on one practice host what this project does beside the commands of the page and other tools, each in turn.

Every figure goes to bench/results.json, case by case: what is measured again takes the place of what was there. `python -m bench.readme`
makes the tables of bench/README.md from it. Compare the contenders within a case; other days and machines have other seconds.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.cases import CASES
from bench.results import FILE, Part, Results
from bench.site import Site, site
from bench.tables import summary
from lab.practice_host import PracticeHost
from rollback_lib.errors import RollbackError

NEAR, FAR = 0.0, 40.0  # milliseconds to the host and back
NAME, SSH_PORT, HTTPS_PORT = "bench", 22962, 22963


def main(words: Sequence[str] | None = None) -> int:
    """The exit status: 0, 1 if a case could not be measured, or one of docs/exit-statuses.md if none could."""
    chosen = _parser().parse_args(words)
    host, failed = PracticeHost(NAME, SSH_PORT, HTTPS_PORT), 0
    try:
        results = Results.continued(chosen.results)
        host.up()
        for distance in (NEAR, FAR) if chosen.round_trip is None else (chosen.round_trip,):
            with site(host, distance) as place:
                for name in _cases(chosen, distance):
                    try:
                        host.reset()
                        results = results.with_part(measured(name, place, distance, chosen.rounds))
                    except Exception as error:  # the others are measured all the same
                        failed = 1
                        print(f"bench: {name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
                    results.save(chosen.results)
    except RollbackError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.status
    finally:
        host.down()
    return failed


def _cases(chosen: argparse.Namespace, distance: float) -> list[str]:
    """The cases for this distance. What is asked for by its distance is measured there; else only what is worth it far away."""
    named = chosen.case or [name for name, case in CASES.items() if case.usual]
    return [name for name in named if not distance or chosen.round_trip is not None or CASES[name].far]


def measured(name: str, place: Site, distance: float, rounds: int | None) -> Part:
    """Measure a case on a host in its clean state, and print what it took."""
    case = CASES[name]
    print(f"bench: {name}: {case.title}, {distance:g} ms away …", file=sys.stderr, flush=True)
    part = Part.of(name, distance, case.measure(place, rounds or case.rounds))
    print(summary(part), flush=True)
    return part


def _parser() -> argparse.ArgumentParser:
    together = sum(case.minutes for case in CASES.values() if case.usual)
    cases = "\n".join(f"  {name:14} {f'{case.minutes:g} min':>7}  {case.title}" for name, case in CASES.items())
    parser = argparse.ArgumentParser(
        prog="bench/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"The cases, and about how long they take on two quiet cores; together {together:g} min:\n{cases}",
    )  # fmt: skip
    parser.add_argument("case", nargs="*", choices=[*CASES, []], metavar="CASE", help="which ones (default: all but database-10gb)")
    parser.add_argument("--rounds", type=int, help="of every case (default: 7, fewer of what takes long)")
    parser.add_argument("--round-trip", type=float, metavar="MS", help=f"only with the host that far away (default: {NEAR:g} and {FAR:g})")
    parser.add_argument("--results", type=Path, default=FILE, metavar="FILE", help="where the figures go (default: bench/results.json)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
