"""The reasons for a release rollback: what it takes back, and what is known of the release."""

from rollback_lib.plan.plan import Rationale, some
from rollback_lib.procedures.release.state import State
from rollback_lib.procedures.release.target import Target
from rollback_lib.text import times


def rationale(now: State, target: Target) -> Rationale:
    """The reasons, taken from the ledger of releases."""
    release = target.release
    changed = [one.dimension.words for one in target.differences if one.restored]
    bad = release.commit in now.bad
    known = f"found bad here since, it was healthy {times.minute(release.when)}" if bad else f"healthy here {times.minute(release.when)}"
    by = f", by {release.by}" if release.by else ""
    change = f"what was changed since {times.minute(release.when)}: {some(changed, 8)}" if changed else ""
    return Rationale(change, f"{release.incident}: {known}{by}", not bad)
