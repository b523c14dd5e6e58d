"""The ledger of copies that retention removed on the host: of which incident, when, and in which run."""

import json
from dataclasses import dataclass
from datetime import datetime

from rollback_lib.commands.command import Command
from rollback_lib.facts import ledger
from rollback_lib.facts.fact import Fact

FILE = "removed.jsonl"


@dataclass(frozen=True)
class Removed:
    """A line of the ledger: the copies that `incident` kept for its undo were removed by the run `by`."""

    incident: str
    by: str
    when: datetime


def enter(file: str, incidents: list[str], by: str) -> Command:
    """A command that adds a line for each of the incidents. The host fills in the time."""
    lines = [json.dumps({"incident": incident, "by": by, "when": "%s"}) for incident in incidents]
    append = 'umask 007; file=$1; shift; now=$(date -u +%Y-%m-%dT%H:%M:%SZ); for line; do printf "$line\\n" "$now" >>"$file"; done'
    return Command.of("sh", "-euc", append, "sh", file, *lines)


def removed(state: str) -> Fact[list[Removed]]:
    """The lines of the ledger, oldest first."""
    return ledger.entries(f"{state}/{FILE}", Removed)
