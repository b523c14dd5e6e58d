"""The reasons for a database rollback: which tables changed, and what is known of the backup."""

from rollback_lib.plan.plan import Rationale, some
from rollback_lib.procedures.database.losses import read
from rollback_lib.procedures.database.state import State
from rollback_lib.procedures.database.target import Target


def rationale(now: State, target: Target) -> Rationale:
    """The reasons, taken from the tables of the live database and of the backup, and from the ledger of restores."""
    changed = [one for one in read(now.content, target) if one.old is None or one.new is None or one.old_columns or one.new_columns]
    words = some([one.words for one in changed], 4)
    verdict = now.verdict(target.backup)
    return Rationale(words, f"{target.backup.name}: {verdict or 'read to its end, never restored here'}", True if verdict else None)
