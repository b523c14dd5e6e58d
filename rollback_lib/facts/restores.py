"""The ledger of restores on the host: which backups were restored, and when."""

import json
from dataclasses import dataclass
from datetime import datetime

from rollback_lib.commands.command import Command
from rollback_lib.facts import ledger
from rollback_lib.facts.backups import Backup
from rollback_lib.facts.fact import Fact

FILE = "restores.jsonl"


@dataclass(frozen=True)
class Restore:
    """A line of the ledger: the backup as it was when it was restored. `size` is in bytes, `changed` its time of change in seconds."""

    path: str
    size: int
    changed: int
    when: datetime
    incident: str

    def of(self, backup: Backup) -> bool:
        """Whether this restore was of that backup, and the backup has not changed since."""
        return (self.path, self.size, self.changed) == (backup.path, backup.size, int(backup.changed.timestamp()))


def enter(file: str, backup: Backup, incident: str) -> Command:
    """A command that adds a line to the ledger. The host fills in the time."""
    changed = int(backup.changed.timestamp())
    line = {"path": backup.path, "size": backup.size, "changed": changed, "when": "%s", "incident": incident}
    append = 'umask 007; printf "$2\\n" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >>"$1"'
    return Command.of("sh", "-euc", append, "sh", file, json.dumps(line))


def restores(state: str) -> Fact[list[Restore]]:
    """The lines of the ledger, oldest first."""
    return ledger.entries(f"{state}/{FILE}", Restore)
