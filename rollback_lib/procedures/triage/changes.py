"""What was changed on the host, and when: commits, images, files, schemas, containers, disks that became full."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rollback_lib.facts.host import Unanswered
from rollback_lib.procedures.common.change import Change, Level
from rollback_lib.procedures.common.rows import GREEN, of_machine
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.registry import of_triage


@dataclass(frozen=True)
class Since:
    """The changes since the stack was last known to be healthy, newest first. `healthy` is when that was, None if it is not known; the
    changes are all that are known then."""

    healthy: datetime | None
    changes: tuple[Change, ...]


NOTHING = Since(None, ())  # where nothing is known


def changes(now: StackState) -> list[Change]:
    """All changes that are known, newest first."""
    known = [(triage, look) for part, triage in of_triage(now.stack) if not isinstance(look := now.looks[part.label], Unanswered)]
    found = [change for triage, look in known for change in triage.changes(look)] + _disks(now)
    return sorted(found, key=lambda one: (one.when.replace(microsecond=0), one.level, one.kind, one.words), reverse=True)


def _disks(now: StackState) -> list[Change]:
    """The disks that are nearly full."""
    short = [row for row in of_machine(now.machine) if row.name.startswith("disk ") and row.level != GREEN]
    return [Change(datetime.now(UTC), Level.START, "disk", f"{row.name[5:]}: {row.found}; since when is not known") for row in short]


def since_healthy(found: Sequence[Change]) -> Since:
    """The changes after the newest moment that was proven healthy."""
    healthy = next((one.when for one in found if one.level is Level.PROVEN), None)
    return Since(healthy, tuple(one for one in found if one.level is not Level.PROVEN and (healthy is None or one.when > healthy)))
