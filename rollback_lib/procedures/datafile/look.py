"""What triage asks of a data file: its state, and what is in its newest backup."""

from dataclasses import dataclass

from rollback_lib.facts import datafiles
from rollback_lib.facts.datafiles import SQLITE, Content
from rollback_lib.facts.host import Host, result_of
from rollback_lib.procedures.datafile.state import State, document
from rollback_lib.stack.model import Stack

LARGEST, WITHIN = 64 * 1024 * 1024, 5  # bytes of a backup that is read for triage, and the seconds for that


@dataclass(frozen=True)
class Look:
    """A data file, and what is in the newest of its backups on the host; None if that was not read."""

    now: State
    newest: Content | None

    @property
    def filled(self) -> frozenset[str]:
        """The tables that have rows in the newest backup."""
        rows = (self.newest.rows if self.newest else None) or {}
        return frozenset(name for name, count in rows.items() if count)

    @property
    def emptied(self) -> frozenset[str]:
        """Those of them that have none now."""
        rows = self.now.content.rows if self.now.content else None
        return frozenset() if rows is None else frozenset(name for name in self.filled if not rows.get(name))


def look(host: Host, stack: Stack, datafile: str = "") -> Look:
    """The data file, and the newest of its backups on the host."""
    now = document(host, stack, datafile)
    backup = next((one for one in now.backups if not one.wrong and not one.source and one.size <= LARGEST), None)
    read = backup and now.section.kind == SQLITE and now.content and now.content.rows is not None
    return Look(now, result_of(host.ask(datafiles.backup_of_sqlite(backup, now.images, WITHIN))) if read and backup else None)
