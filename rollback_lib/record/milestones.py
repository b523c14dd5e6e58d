"""What a record keeps of its run for statistics: whether it changed the stack, and how long it took from the confirmation to health."""

from collections.abc import Mapping, Sequence
from typing import Any

from rollback_lib.record.state import RunState, moment
from rollback_lib.record.verdict import Verdict

Events = Sequence[Mapping[str, Any]]


def milestones(events: Events) -> dict[str, Any]:
    """`changed`: whether a step that changes the stack had begun. `healthy_seconds`: from the confirmation of the plan to the moment at
    which the run was verified and every route was healthy; None if it never was."""
    state = RunState.of(events)
    return {"changed": state.touched, "healthy_seconds": _healthy_seconds(events, state)}


def _healthy_seconds(events: Events, state: RunState) -> float | None:
    """A plan that was confirmed again, as after a restart of the kernel, counts from the first time."""
    seen = state.verified
    if state.verdict is not Verdict.SUCCEEDED or not state.touched or seen is None or not (seen.ok and seen.healthy) or seen.ill:
        return None
    confirmed = next((event for event in events if event["event"] == "confirmed" and event["plan"] == state.confirmed), None)
    verified = next(event for event in reversed(events) if event["event"] == "verified")
    seconds = (moment(verified) - moment(confirmed)).total_seconds() if confirmed else -1.0
    return round(seconds, 3) if seconds >= 0 else None  # a clock that was set back tells nothing
