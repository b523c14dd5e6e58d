"""The reasons for a database rollback: which tables changed, and what is known of the backup."""

from rollback_lib.plan.plan import Rationale, some
from rollback_lib.procedures.database.losses import read
from rollback_lib.procedures.database.state import State
from rollback_lib.procedures.database.target import Target


def rationale(now: State, target: Target) -> Rationale:
    """The reasons, taken from the tables of the live database and of the backup, and from the ledger of restores."""
    changed = [loss for loss in read(now.content, target) if loss.old is None or loss.new is None or loss.old_columns or loss.new_columns]
    words = some([loss.words for loss in changed], 4)
    verdict = now.verdict(target.backup)
    return Rationale(words, f"{target.backup.name}: {verdict or 'read to its end, never restored here'}", True if verdict else None)
