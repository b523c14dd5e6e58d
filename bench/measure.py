"""Rollbacks side by side: this project's headless runs, and the page's commands and other tools doing the same.

All on one practice host, in turn, several rounds; the figures to read are the ratios to the page of the same run.
Every contender ends when the health check is good; ours has then also verified the effect and written its record.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import database
from bench.cases import Case, cases
from bench.peers import Peers
from lab.practice_host import PracticeHost
from lab.relay import Relay
from lab.traffic import Count, Traffic
from rollback_lib.stack.model import Stack

CASES = ("code", "image", "env", "caddyfile", "traffic", "kept", "database", "redeploy")
PER_SECOND = 200  # requests through the proxy while the Caddyfile is rolled back


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("case", nargs="*", choices=[*CASES, []], help=f"which ones (default: all): {', '.join(CASES)}")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--slow-rounds", type=int, default=3, help="of the cases with a build of 20 s, and of the databases")
    options.add_argument("--round-trip", type=float, default=0.0, metavar="MS", help="put the practice host that far away (default: 0)")
    chosen = options.parse_args()
    host = PracticeHost("bench", 22222, 22643)
    host.up()
    try:
        with tempfile.TemporaryDirectory() as folder, _link(host, chosen.round_trip / 1000) as ports:
            peers = Peers(host, Path(folder), *ports)
            known = cases(host, peers)
            for name in chosen.case or CASES:
                host.reset()
                if name == "traffic":
                    _traffic(host, known["caddyfile"], peers)
                elif name == "database":
                    database.measure(host, peers, chosen.slow_rounds)
                elif name == "redeploy":
                    _redeploy(host, known["redeploy"], peers, chosen.slow_rounds)
                else:
                    _measure(host, known[name], peers, chosen.slow_rounds if name == "kept" else chosen.rounds)
    finally:
        host.down()
    return 0


@contextmanager
def _link(host: PracticeHost, round_trip: float) -> Iterator[tuple[int, int]]:
    """The ports over which the host is reached: its own, or those of relays that take their time."""
    if not round_trip:
        yield host.ssh_port, host.https_port
        return
    with Relay(host.ssh_port, round_trip) as ssh, Relay(host.https_port, round_trip) as https:
        yield ssh.listening, https.listening


def _measure(host: PracticeHost, case: Case, peers: Peers, rounds: int) -> None:
    host.break_(case.scenario)
    if case.prepare:
        host.exec(case.prepare)
    if case.once:
        _run(case.contenders[case.once], peers)
    seconds: dict[str, list[float]] = {name: [] for name in case.contenders}
    for number in range(rounds + 1):
        for name, words in case.contenders.items():
            host.exec(case.before)
            started = time.monotonic()
            _run(words, peers)
            if number:  # the first round only warms caches
                seconds[name].append(time.monotonic() - started)
        print(f"{case.title}: round {number} of {rounds} done", file=sys.stderr)
    page = statistics.median(seconds["page"])
    print(f"\n| {case.title}, median of {rounds} | seconds | of the page |\n|---|---|---|")
    for name, taken in seconds.items():
        median = statistics.median(taken)
        print(f"| {name} | {median:.2f} ({min(taken):.2f} to {max(taken):.2f}) | {median / page:.2f} |")
    print(json.dumps(seconds), file=sys.stderr)


def _traffic(host: PracticeHost, case: Case, peers: Peers) -> None:
    """Requests to a route that the bad Caddyfile does not break, over the whole run and a second on both sides of it."""
    host.break_(case.scenario)
    print(f"\n| Caddyfile, at {PER_SECOND} requests a second | sent | failed |\n|---|---|---|")
    for name, words in case.contenders.items():
        host.exec(case.before)
        count = _under_traffic(host, words, peers)
        print(f"| {name} | {count.sent} | {count.failed} |")


def _redeploy(host: PracticeHost, case: Case, peers: Peers, rounds: int) -> None:
    """How long users meet failures while both services are built anew, 20 s each: requests 50 times a second, all routes."""
    outages: dict[str, list[float]] = {name: [] for name in case.contenders}
    for _ in range(rounds):
        for name, words in case.contenders.items():
            host.exec(case.before)
            with Traffic(Stack.load(host.folder / "stack.yaml"), 50) as traffic:
                time.sleep(1)
                _run(words, peers)
                time.sleep(1)
            outages[name].append(traffic.failed / 50)
    page = statistics.median(outages["page"])
    print(f"\n| {case.title}, median of {rounds} | seconds of failed requests | of the page |\n|---|---|---|")
    for name, seconds in outages.items():
        median = statistics.median(seconds)
        print(f"| {name} | {median:.1f} ({min(seconds):.1f} to {max(seconds):.1f}) | {median / page:.2f} |")


def _under_traffic(host: PracticeHost, words: list[str], peers: Peers) -> Count:
    stack = Stack.load(host.folder / "stack.yaml")
    untouched = stack.model_copy(update={"routes": [route for route in stack.routes if route.name == "ruben-api"]})
    with Traffic(untouched, PER_SECOND) as traffic:
        time.sleep(1)
        _run(words, peers)
        time.sleep(1)
    return traffic.routes["ruben-api"]


def _run(words: list[str], peers: Peers) -> None:
    done = subprocess.run(words, env=peers.environment(), capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stdout[-600:]}{done.stderr[-600:]}")


if __name__ == "__main__":
    sys.exit(main())
