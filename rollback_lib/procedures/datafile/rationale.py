"""The reasons for a data file rollback: what is missing or damaged, and what is known of the backup."""

from rollback_lib.plan.plan import Rationale, some
from rollback_lib.procedures.datafile.losses import compare
from rollback_lib.procedures.datafile.state import State
from rollback_lib.procedures.datafile.target import Target


def rationale(now: State, target: Target) -> Rationale:
    """The reasons, taken from the file, from the backup, and from the ledger of restores."""
    if now.place and now.place.file is None:
        change = f"{now.place.path} is not there"
    elif now.content and now.content.wrong:
        change = now.content.wrong
    else:
        fewer = [one.words for one in compare(now, target.content.rows) if (one.old or 0) < (one.new or 0)]
        change = some(fewer, 4)
    verdict = now.verdict(target.backup)
    return Rationale(change, f"{target.backup.name}: {verdict or 'checked, never restored here'}", True if verdict else None)
