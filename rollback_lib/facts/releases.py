"""The ledger of releases on the host: what was healthy here, and what was marked bad."""

import json
from dataclasses import dataclass, replace
from datetime import datetime

from rollback_lib.command import Command
from rollback_lib.facts import ledger
from rollback_lib.facts.fact import Fact

FILE = "releases.jsonl"


@dataclass(frozen=True)
class Release:
    """A line of the ledger: `commit` ran as `image` at `when`, and was healthy, or bad."""

    service: str
    commit: str
    image: str
    when: datetime
    healthy: bool
    incident: str

    @property
    def verdict(self) -> str:
        """What a list of candidates says of it."""
        return "healthy here" if self.healthy else f"bad ({self.incident})"


def enter(file: str, service: str, commit: str, image: str, *, healthy: bool, incident: str) -> Command:
    """The command that adds a line to the ledger; time and the id of `image` are the host's own word."""
    line = {"service": service, "commit": commit, "image": "%s", "when": "%s", "healthy": healthy, "incident": incident}
    append = 'id=$(docker image inspect --format "{{.Id}}" "$3"); printf "$2\\n" "$id" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >>"$1"'
    return Command.of("sh", "-euc", append, "sh", file, json.dumps(line), image)


def releases(state: str, service: str) -> Fact[list[Release]]:
    """The service's lines of the ledger, oldest first."""
    every = ledger.entries(f"{state}/{FILE}", Release)
    return replace(every, read=lambda out: [release for release in every.read(out) if release.service == service])
