"""Whether a data file could be rolled back right now: its newest backup is read to its end and checked."""

from datetime import UTC, datetime

from rollback_lib.facts.host import Unanswered
from rollback_lib.procedures.common import from_backup, retention
from rollback_lib.procedures.common.readiness import Readiness, Seen
from rollback_lib.procedures.common.rows import AMBER, GREEN, RED, Row
from rollback_lib.procedures.datafile.state import State
from rollback_lib.procedures.datafile.target import Target
from rollback_lib.procedures.datafile.triage import damage


def rows(seen: Seen[State, Target]) -> list[Row]:
    """The age and the soundness of the newest backup, the file itself, and what earlier runs left beside it."""
    name, state, target = seen.name, seen.state, seen.target
    if isinstance(state, Unanswered) or isinstance(target, Unanswered):
        why = target.why if isinstance(target, Unanswered) else "not known"
        return [Row(f"data file {name}", RED, why, "fix that, or there is no way back for this file")]
    hours = (datetime.now(UTC) - target.backup.changed).total_seconds() / 3600
    fresh, said = state.section.fresh, f"{target.backup.name}, {hours:.1f} h old"
    counted = target.content.rows is not None
    proven = f"{target.content.counted}, {target.content.proven}"
    found = [
        Row(f"backup of {name}", from_backup.level(fresh, hours), said, from_backup.late(fresh, hours)),
        Row(f"content of {target.backup.name}", GREEN if counted else AMBER, proven, "" if counted else "put sqlite3 on the host"),
    ]
    found += [Row(f"data file {name}", RED, wrong, "roll it back")] if (wrong := damage(state)) else []
    found += [Row(f"backups of {name}", AMBER, f"{one.place} gave no list: {one.why}", "fix that on the host") for one in state.away]
    if state.place and state.place.kept:
        words = []
        for path, size in state.place.kept:
            when = retention.of_database(seen.copies, path)
            age = f"{(datetime.now(UTC) - when).days} days" if when else "its age is not known"
            words.append(f"{path} ({size / 1e6:,.1f} MB, {age})")
        found.append(Row(f"kept beside {name}", AMBER, ", ".join(words), "it stays until somebody removes it: `rm -r PATH` on the host"))
    return found


READINESS: Readiness[State, Target] = Readiness(rank=65, rows=rows, state=lambda look: look.now)
