"""Which notebooks are overdue for review, or have had no successful run for the same time, according to the records."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from rollback_lib.record.verdict import Verdict
from rollback_lib.runbook.metadata import Notebook

Records = Iterable[Mapping[str, Any]]  # summaries of records, newest first, as record.history.incidents returns them

_DONE = (("apply", Verdict.SUCCEEDED), ("apply", Verdict.READY), ("plan", Verdict.LOOKED))  # mode and verdict


@dataclass(frozen=True)
class Gap:
    """Something that is overdue for a notebook, and what to do about it."""

    words: str
    do: str


@dataclass(frozen=True)
class Standing:
    """Whether a notebook is up to date. `due` is the day of its next review. `last` is the record of its last successful run, None if
    there is none. `gaps` is what is overdue."""

    notebook: Notebook
    due: date
    last: Mapping[str, Any] | None
    gaps: tuple[Gap, ...]


def standing(notebook: Notebook, records: Records, today: date) -> Standing:
    """Whether a notebook is up to date on the day `today`. A review or a run counts until the last day of the notebook's cycle."""
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
    """The records of the notebook's successful runs, newest first. A run is successful if it changed a host and was verified; for a
    notebook that only looks, if it came to its end."""
    own = (record for record in records if record.get("procedure") == notebook.procedure)
    return [record for record in own if (record.get("mode"), record["verdict"]) in _DONE]


def day_of(record: Mapping[str, Any]) -> date:
    """The day on which a record was opened (UTC)."""
    return date.fromisoformat(record["opened"][:10])
