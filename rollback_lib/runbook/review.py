"""Which notebooks are overdue for review, or were not seen to work for as long, by the records."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from rollback_lib.record.verdict import Verdict
from rollback_lib.runbook.metadata import Notebook

Records = Iterable[Mapping[str, Any]]  # in short, newest first, as record.history.incidents gives them

_DONE = (("apply", Verdict.SUCCEEDED), ("apply", Verdict.READY), ("plan", Verdict.LOOKED))  # mode and verdict


@dataclass(frozen=True)
class Gap:
    """What is not in order with a notebook, and what to do about it."""

    words: str
    do: str


@dataclass(frozen=True)
class Standing:
    """How a notebook stands. `due`: when its next review is; `last`: the record of its last successful run."""

    notebook: Notebook
    due: date
    last: Mapping[str, Any] | None
    gaps: tuple[Gap, ...]


def standing(notebook: Notebook, records: Records, today: date) -> Standing:
    """How a notebook stands on that day. A review or a run is good to the last day of the notebook's cycle."""
    due = notebook.reviewed + notebook.cycle
    last = next(iter(successes(notebook, records)), None)
    gaps = []
    if due < today:
        gaps.append(Gap(f"review is overdue since {due}", f"read it, then rollback review --done {notebook.procedure}"))
    if notebook.drilled and (last is None or day_of(last) < today - notebook.cycle):
        do = f"rollback run {notebook.procedure} --stack NAME" if notebook.looks else f"rollback drill {notebook.procedure}"
        gaps.append(Gap(f"no successful run in the last {notebook.cycle.days} days", do))
    return Standing(notebook, due, last, tuple(gaps))


def successes(notebook: Notebook, records: Records) -> list[Mapping[str, Any]]:
    """The records of runs in which the notebook did all it is for, newest first: changed a host and verified it, or looked."""
    own = (one for one in records if one.get("procedure") == notebook.procedure)
    return [one for one in own if (one.get("mode"), one["verdict"]) in _DONE]


def day_of(record: Mapping[str, Any]) -> date:
    """The day on which a record was opened (UTC)."""
    return date.fromisoformat(record["opened"][:10])
