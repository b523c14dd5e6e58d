"""How much memory a rollback takes, also when a step on the host prints 100 MB."""

import json
from collections.abc import Iterator
from pathlib import Path

from bench.results import Taken
from bench.rollbacks import OURS, Rollback
from bench.site import Site

PRINTED = 100_000_000  # bytes
DOCKER = "/usr/local/bin/docker"  # comes before the real one in the host's PATH
# A build prints that much first, in lines of 100 characters.
TALKING = rf"""cat >{DOCKER} <<'EOF'
#!/bin/sh
case " $* " in *" build "*) yes "$(printf '%099d' 7)" | head -c {PRINTED} ;; esac
exec /usr/bin/docker "$@"
EOF
chmod +x {DOCKER}"""
BUILDS = {"a build that prints little": f"rm -f {DOCKER}", "a build that prints 100 MB": TALKING}


def memory(rollback: Rollback, site: Site, rounds: int) -> Iterator[Taken]:
    """A rollback whose build prints little, and the same with a build that prints 100 MB: what they took, and how much of the output was
    not kept, in MB."""
    words = rollback.made(site)[OURS]
    for name, docker in BUILDS.items():
        site.host.exec(docker)
        for _ in range(rounds):
            site.host.exec(rollback.before)
            taken = site.run(words, memory=True)
            yield name, taken | {"not_kept_mb": not_kept(site.peers.newest_record()) / 1e6}


def not_kept(record: Path) -> int:
    """How many bytes its steps printed besides those that are in a record."""
    events = [json.loads(line) for line in (record / "events.jsonl").read_text().splitlines()]
    return sum(event["bytes_not_kept"] for event in events if event["event"] == "step-end")
