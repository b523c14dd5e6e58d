"""The contents of a report, read from the events of a record."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rollback_lib.health.outage import Outages, Tick
from rollback_lib.record.state import RunState, ending, moment
from rollback_lib.record.verdict import Verdict
from rollback_lib.report.chart import Span
from rollback_lib.text import tables, times

Events = Sequence[Mapping[str, Any]]


def spans(events: Events) -> list[Span]:
    """The steps, for a chart. A step whose end is not known is drawn until the last event."""
    return [
        Span(attempt.job, attempt.begin, attempt.end or moment(events[-1]), attempt.ok if attempt.heard else None)
        for attempt in RunState.of(events).ran
    ]


def run_span(name: str, events: Events) -> Span:
    """A whole run, for a chart. It is not well if it failed or was refused."""
    state = RunState.of(events)
    ok = None if state.verdict is Verdict.UNKNOWN else state.verdict.level in ("good", "info")
    return Span(name, moment(events[0]), moment(events[-1]), ok)


def changes(events: Events) -> list[tuple[datetime, str]]:
    """What a triage found changed on the host since it was last known to be healthy: when, and what kind of change."""
    found = [change for event in events if event["event"] == "found" for change in event.get("changed_since", ())]
    return [(datetime.fromisoformat(change["when"]), str(change["kind"])) for change in found]


def ticks(events: Events) -> list[Tick]:
    """The probes."""
    return [_tick(event) for event in events if event["event"] == "probe"]


def _tick(event: Mapping[str, Any]) -> Tick:
    took = timedelta(milliseconds=event["ms"])
    # Records from before 2026-11-24 do not say when a probe was sent, only when its answer was noted.
    sent = datetime.fromisoformat(event["sent"]) if "sent" in event else moment(event) - took
    return Tick(event["route"], sent, bool(event["ok"]), sent + took)


def outages(events: Events) -> Outages:
    """Since when routes failed, and for how long they failed because of the rollback itself."""
    changed = RunState.of(events).changed
    return Outages.of(ticks(events), changed)


def outages_in(runs: Sequence[Events]) -> Outages:
    """The same over several runs at one outage, oldest first: what failed before any of them changed the stack, and what one made fail."""
    changed = [at for events in runs if (at := RunState.of(events).changed)]
    return Outages.of([tick for events in runs for tick in ticks(events)], min(changed, default=None))


def checklist(events: Events) -> list[Mapping[str, Any]]:
    """The points of the checklist in their last state; none if it was not shown. Each has the keys `name`, `question`, `answer` and
    `answered`."""
    return next((list(event["points"]) for event in reversed(events) if event["event"] == "checklist"), [])


class Telling:
    """Puts events into words, one after the other. Probes get words only if a route begins to fail or to pass."""

    def __init__(self) -> None:
        self.health: dict[str, bool] = {}  # whether the last probe of each route passed

    def words(self, event: Mapping[str, Any]) -> str:
        """The words for the next event; "" if it needs none."""
        if event["event"] != "probe":
            return str(_WORDS[event["event"]](event)) if event["event"] in _WORDS else ""
        changed = self.health.get(event["route"]) is not event["ok"]
        self.health[event["route"]] = event["ok"]
        said = f": {event['said']}" if event["said"] else ""
        return f"route {event['route']} {'passes' if event['ok'] else 'fails'}{said}" if changed else ""


def told(events: Events) -> list[tuple[Mapping[str, Any], str]]:
    """The events that need words, each with its words."""
    telling = Telling()
    return [(event, words) for event in events if (words := telling.words(event))]


def timeline(events: Events) -> list[tuple[datetime, str]]:
    """What happened when, in words."""
    return [(moment(event), words) for event, words in told(events)]


def _who(event: Mapping[str, Any]) -> str:
    return f"{event['who']} opened it, mode {event['mode']}"


def _how(event: Mapping[str, Any]) -> str:
    how = ending(event)
    return f", {how.words}" if how else ""


def _point(point: Mapping[str, Any]) -> str:
    return f"{point['name']} {'answered' if point['answered'] else 'open'}"


_WORDS: dict[str, Any] = {
    "open": _who,
    "resumed": lambda event: f"{event['who']} opened it again",
    "connected": lambda event: f"connected to {event['host']}",
    "target": lambda event: f"target {event['chosen']}: {event['why']}",
    "plan": lambda event: f"planned, {event['hash']}" + (": nothing to do" if event["nothing_to_do"] else ""),
    "found": lambda event: event["reason"],
    "checklist": lambda event: "checklist: " + ", ".join(map(_point, event["points"])),
    "told": lambda event: f"{event['to']}, {event['word']}: {'notified' if event['ok'] else 'could not be notified, ' + event['error']}",
    "confirmed": lambda event: f"confirmed by {event['who']} ({event['by']}) for plan {event['plan']}",
    "approval-asked": lambda event: f"another person is asked to approve plan {event['plan']} in {event['incident']}",
    "approved": lambda event: f"plan {event['plan']} was approved in {event['incident']} by {', '.join(event['by'])}",
    "break-glass": lambda event: f"WITHOUT APPROVAL, though {event['needs']}: {event['reason']} ({event['who']})",
    "accepted": lambda event: f"what is lost was accepted by {event['who']} ({event['by']})",
    "lock": lambda event: f"lock of the stack: {event['how']}" + (f", of {event['other']['who']}" if event.get("other") else ""),
    "armed": lambda event: f"the host undoes it by itself at {event['until']}, unless it is told otherwise",
    "disarmed": lambda event: f"whether to undo was decided by the {event['decided']}",
    "assumed": lambda event: "the host has changed since the plan was made" if event["moved"] else "the host is as the plan assumed",
    "step-begin": lambda event: f"step {event['job']} begins",
    "step-end": lambda event: f"step {event['job']} ends" + _how(event),
    "step-not-started": lambda event: f"step {event['job']} could not be started: {event['error']}",
    "step-passed-over": lambda event: f"step {event['step']} was not needed: its condition was not met",
    "paused": lambda event: f"stopped before {event['before']}",
    "goes-on": lambda _: "the run continues",
    "step-ended": lambda event: f"step {event['job']} was ended",
    "stop-asked": lambda event: f"{event['by']} asked to stop before the next step",
    "step-cut-short": lambda event: f"{event['by']} cut step {event['job']} short",
    "job-found": lambda event: f"step {event['job']} was found on the host: {event['state']}" + _how(event),
    "holding": lambda event: f"every route is healthy, and has to hold until {times.clock(datetime.fromisoformat(event['until']))} UTC",
    "restarted": lambda event: f"container {event['container']} ended by itself and was restarted ({tables.count(event['times'], 'time')})",
    "replaced": lambda event: f"replaced meanwhile, as by a deploy: {', '.join(event['services'])}",
    "lapse": lambda event: f"did not hold: {event['words']}",
    "way-back": lambda event: f"rollback: {event['procedure']}, {event['why']}",
    "failed": lambda event: f"failed: {event['error']}",
    "undone": lambda _: "the undo was looked at",
    "verified": lambda event: "verified" if event["ok"] else "not verified",
    "error": lambda event: f"ended in {event['cell']}: {event['error']}",
    "run-cut-short": lambda event: f"the run was cut short: {event['by']}",
    "link": lambda event: event["said"],
    "verdict": lambda event: f"verdict {event['verdict']}",
}
