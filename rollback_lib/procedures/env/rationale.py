"""The reasons for an env rollback: which variables it reverts, and what is known of the target version."""

from rollback_lib.plan.plan import Rationale, some
from rollback_lib.procedures.common import snapshots
from rollback_lib.procedures.env.state import State
from rollback_lib.procedures.env.target import Target
from rollback_lib.text import times


def rationale(now: State, target: Target) -> Rationale:
    """The reasons, taken from the file, its kept versions, and what compose reads from both."""
    keys = some([one.key for one in target.differences], 8)
    owner = f" by user {now.file.owner}" if now.file and now.file.owner else ""
    changed = f"; the file was changed {times.minute(now.file.changed)}{owner}" if now.file else ""
    known, stable = snapshots.standing(now.versions, target.content.reveal())
    return Rationale(f"{keys}{changed}" if keys else "", f"{target.name}: {known}", stable)
