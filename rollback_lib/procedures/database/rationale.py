"""What a database rollback rests on: what has become of the tables, and what is known of the backup."""

from rollback_lib.plan.plan import Rationale, some
from rollback_lib.procedures.database.losses import read
from rollback_lib.procedures.database.state import State
from rollback_lib.procedures.database.target import Target


def rationale(now: State, target: Target) -> Rationale:
    """From the tables there are and those of the backup, and from the ledger of restores."""
    changed = [one for one in read(now.content, target) if one.old is None or one.new is None or one.old_columns or one.new_columns]
    words = some([one.words for one in changed], 4)
    verdict = now.verdict(target.backup)
    return Rationale(words, f"{target.backup.name}: {verdict or 'read to its end, never restored here'}", True if verdict else None)
