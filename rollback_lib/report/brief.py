"""What happened, in two sentences: how the routes were before the run, and what it did to them."""

from collections.abc import Mapping, Sequence
from typing import Any

from rollback_lib.health.outage import Outages
from rollback_lib.record.milestones import milestones
from rollback_lib.record.state import RunState
from rollback_lib.record.verdict import Verdict
from rollback_lib.report import summary
from rollback_lib.report.summary import Events
from rollback_lib.text import tables, times

_ENDED = {
    Verdict.PLANNED: "was planned, and changed nothing",
    Verdict.NOTHING_TO_DO: "had nothing to do, since its target already runs and is healthy",
    Verdict.REFUSED: "was refused, and changed nothing that serves",
    Verdict.ABORTED: "was stopped before it changed anything",
    Verdict.RESTORED: "failed, left the stack as it was before",
    Verdict.PARTLY: "failed, left the stack changed in part",
    Verdict.UNKNOWN: "was cut off, left the stack in a state that is not known",
}


def sentences(record: Mapping[str, Any], events: Events, others: Sequence[Events] = ()) -> str:
    """The two sentences. `others` are the events of other runs at the same outage. What is not known is told as such, or not at all."""
    return f"{_before(summary.outages_in([*others, events]))} {_run(record, events)}"


def _before(found: Outages) -> str:
    ill = [one for one in found.routes if one.before]
    if not found.asked:
        return "How the routes were before is not known."
    if not ill:
        return "No route was seen to fail before the run."
    first = min(ill, key=lambda one: one.since)
    many = f" and {tables.count(len(ill) - 1, 'more route')}" if len(ill) > 1 else ""
    over = times.second(max(one.spans[-1].end for one in ill)) if all(one.over for one in ill) else ""
    until = f"until {over} UTC" if over else "and not all of them were healthy by the end" if many else "and was not healthy by the end"
    return f"{first.route}{many} failed from {times.second(first.since)} UTC at the latest, {until}."


def _run(record: Mapping[str, Any], events: Events) -> str:
    name = f"The {record.get('procedure', '')} rollback".replace("undo rollback", "undo")
    verdict, healthy = str(record.get("verdict", "")), milestones(events)["healthy_seconds"]
    if verdict in _ENDED:
        return f"{name} {_ENDED[Verdict(verdict)]}{_cost(events)}."
    if verdict != Verdict.SUCCEEDED:
        return f"{name} ended as {verdict}."
    if healthy is None:
        return f"{name} had the effect that was asked for{_cost(events)}."
    return f"{name} brought every route to health {times.exactly(healthy)} after it was confirmed{_cost(events)}."


def _cost(events: Events) -> str:
    """What the run itself cost users, once it has begun to change the stack."""
    if not RunState.of(events).touched:
        return ""
    down = [one for one in summary.outages(events).routes if not one.before]
    worst = max(down, key=lambda one: one.seconds, default=None)
    return f", and made {worst.route} fail for {times.exactly(worst.seconds)} itself" if worst else ", and made no route fail itself"
