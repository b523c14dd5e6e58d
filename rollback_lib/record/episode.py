"""The runs at one outage: all on a stack after one that brought it to health, up to the next that did."""

from collections.abc import Sequence
from datetime import datetime

from rollback_lib.record.index import Ran
from rollback_lib.record.statistics import MENDED_WITHIN, cured


def episode(records: Sequence[Ran], place: str) -> list[Ran]:
    """The records of the outage to which the record at `place` belongs, oldest first, and none that was opened more than a day before or
    after it. Empty if it is not among `records`, which are oldest first."""
    here = next((one for one in records if one.place == place), None)
    if here is None:
        return []
    began = datetime.fromisoformat(here.opened)
    near = [
        one
        for one in records
        if (one.host, one.stack, one.practice) == (here.host, here.stack, here.practice)
        and abs(datetime.fromisoformat(one.opened) - began) <= MENDED_WITHIN
    ]
    at = near.index(here)
    first = max((number + 1 for number in range(at) if cured(near[number])), default=0)
    last = min((number for number in range(at, len(near)) if cured(near[number])), default=len(near) - 1)
    return near[first : last + 1]
