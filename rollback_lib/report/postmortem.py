"""The draft of a post-mortem in Markdown, which a person completes and signs. What the records know is filled in; all else is asked."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rollback_lib.health.outage import Outage
from rollback_lib.record.milestones import milestones
from rollback_lib.record.state import RunState, moment
from rollback_lib.record.verdict import Verdict
from rollback_lib.report import brief, summary
from rollback_lib.report.markdown import plain, points, question, section, table, words
from rollback_lib.report.summary import Events
from rollback_lib.text import times

UNKNOWN = "not known"
_LOOKED = {str(verdict) for verdict in Verdict if verdict.looked}


@dataclass(frozen=True)
class Other:
    """Another run at the same outage: its summary, and its events, none if they are not there any more."""

    summary: Mapping[str, Any]
    events: Events = ()

    @property
    def called(self) -> str:
        """Its procedure and its id."""
        return f"{self.summary.get('procedure', '')} {self.summary.get('incident', '')}"


@dataclass(frozen=True)
class Around:
    """What is known beside the record. `others` are the other runs at the same outage, None if they were not looked for. `link` leads to
    the record, as Markdown. `seal` says in Markdown how the record is proven, "" if it is not sealed yet. `pictures` are the names of
    the files with its pictures."""

    others: Sequence[Other] | None = None
    link: str = ""
    seal: str = ""
    pictures: Sequence[str] = ()


ALONE = Around(link="report.html in the same folder")  # for the draft in the folder of the record


def markdown(record: Mapping[str, Any], events: Events, folder: Path, around: Around = ALONE) -> str:
    """The draft, made from a record.json, its events, the other files in its folder, and what is known around it."""
    began = times.minute(moment(events[0])) if events else UNKNOWN
    every = [*(around.others or ()), Other({"incident": folder.name.rpartition("-")[2], **record}, events)]
    lines = [
        f"# Post-mortem: {plain(record.get('procedure', ''))} rollback of {plain(record.get('stack', ''))}, {began}", "",
        "Draft, written from the record. What the record knows is filled in. What only people know is marked as an open question.", "",
        *table(("", ""), _head(record, events, around)), "",
        *section("In short", [words(brief.sentences(record, events, [one.events for one in every[:-1]]))]),
        *section("What users saw", _saw(every), _picture(events, around), [
            question("What did users notice, since when, and how many? A probe only knows from when on it asked."),
        ]),
        *section("What changed before", points(_changes(every)), [
            question("Why did it go wrong, and why was that not found before it reached users?"),
        ]),
        *section("What was tried", _tried(every, around), [question("What was done by hand, beside these runs?")]),
        *section("What the run changed, and what was lost", points(_lost(events, folder)), [
            question("What was lost beside that: requests, messages, calls?"),
        ]),
    ]  # fmt: skip
    if record.get("effects"):
        lines += section("Before and after", table(("", "asked for", "found"), map(_effect, record["effects"])))
    left = [f"- [ ] {words(action)}" for action in (*record.get("next", ()), *_unanswered(events))]
    lines += section("What is left to do", [*left, "- [ ] Mend the cause. _Say here how, who does it, and until when._"])
    lines += section("Timeline", _timeline(every))
    lines += section("What we learned", ["- What went well:", "- What went badly:", "- Where we were lucky:"])
    lines += section("Signed", table(("name", "date", "what was checked"), [("", "", "")]))
    return "\n".join(lines)


def _head(record: Mapping[str, Any], events: Events, around: Around) -> Iterator[tuple[str, str]]:
    if record.get("break_glass"):
        yield "Without approval", f"**{plain(record['break_glass'])}**"
    yield "Verdict", f"**{plain(record['verdict'])}**: {words(record['reason'])}"
    yield "Stack", plain(f"{record.get('stack', '')} on {record.get('host', '')}") + (" (practice)" if record.get("practice") else "")
    yield "Who", plain(record.get("who"))
    yield "Why", plain(record.get("because")) or "_no reason was given_"
    healthy = milestones(events)["healthy_seconds"]
    yield "Time to healthy", f"{times.exactly(healthy)} from the confirmation" if healthy is not None else UNKNOWN
    yield "Whole run", _took(record) if "seconds" in record else UNKNOWN
    yield "Outage", plain(summary.outages(events).words)
    yield "Record", around.link or plain(record.get("incident"))
    later = "the record is sealed after this draft is written: `rollback incidents postmortem` writes it again with the seal"
    yield "Seal", around.seal or later


def _took(record: Mapping[str, Any]) -> str:
    seconds, budget = record["seconds"], record.get("budget")
    return times.of_budget(seconds, budget) if budget else times.exactly(seconds)


# -- what users saw ---------------------------------------------------------------------------------------------------


def _saw(every: Sequence[Other]) -> Iterator[str]:
    """What each route that failed answered and when, in all runs at the outage. Those that failed before any run changed the stack are told
    from those that a run made fail."""
    outages = summary.outages_in([one.events for one in every])
    if not outages.routes:
        yield f"Outage: {plain(outages.words)}."
        return
    rows = [
        (
            plain(one.route),
            "before us" if one.before else "by the rollback",
            _since(one),
            _until(one),
            _down(one),
            plain(_said(every, one.route)),
        )
        for one in outages.routes
    ]
    yield from table(("route", "failed", "since (UTC)", "healthy (UTC)", "for", "what it answered"), rows)


def _since(one: Outage) -> str:
    return f"{times.second(one.since)} at the latest" if one.before else times.second(one.since)


def _until(one: Outage) -> str:
    return times.second(one.spans[-1].end) if one.over else "not by the end of these records"


def _down(one: Outage) -> str:
    remark = " since the first failed probe" if one.before else "" if one.over else " at least"
    return f"{times.exactly(one.seconds)}{remark}"


def _said(every: Sequence[Other], route: str) -> str:
    """What a route answered first when it failed."""
    failed = (event for one in every for event in one.events if event["event"] == "probe" and event["route"] == route and not event["ok"])
    first = min(failed, key=lambda event: str(event["at"]), default=None)
    return f"{first['status'] or 'no answer'} {first['said']}".rstrip() if first else ""


def _picture(events: Events, around: Around) -> Iterator[str]:
    said = plain(summary.outages(events).words)
    yield from (f"![Routes over time: {said}]({quote(name)})\n" for name in around.pictures)


# -- what changed, what was tried, what was lost ----------------------------------------------------------------------


def _changes(every: Sequence[Other]) -> Iterator[str]:
    """What is known of changes: the change that each checklist names, and what triage found changed since the stack was healthy."""
    told = dict.fromkeys(
        str(point["answer"]) for one in every for point in summary.checklist(one.events) if point["name"] == "change" and point["answered"]
    )
    yield from (f"reverted: {answer}" for answer in told)
    for one in every:
        for found in (event for event in one.events if event["event"] == "found"):
            if found.get("healthy_before"):
                yield f"last known to be healthy: {times.minute(datetime.fromisoformat(found['healthy_before']))}"
            for change in found.get("changed_since", ()):
                yield f"{times.second(datetime.fromisoformat(change['when']))} UTC, {change['kind']}: {change['what']}"
    if not told:
        yield "which change was at fault is not known to these records"


def _tried(every: Sequence[Other], around: Around) -> Iterator[str]:
    rows = [(_when(one), *_run(one.summary, this=one is every[-1])) for one in sorted(every, key=_opened)]
    yield from table(("opened (UTC)", "incident", "what", "target", "verdict", "because"), rows)
    if around.others is None:
        yield ""
        yield "Only this run: `rollback incidents postmortem` adds the others at the same outage."


def _when(one: Other) -> str:
    opened = _opened(one)
    return times.second(datetime.fromisoformat(opened)) if opened else UNKNOWN


def _run(one: Mapping[str, Any], *, this: bool) -> tuple[str, ...]:
    planned = one.get("mode") == "plan" and one.get("verdict") not in _LOOKED
    what = f"{one.get('procedure', '')}{', planned only' if planned else ''}"
    incident = plain(one.get("incident"))
    return (
        f"**{incident}**" if this else incident, plain(what), plain(_short(one.get("target"))), plain(one.get("verdict")),
        words(one.get("reason")),
    )  # fmt: skip


def _short(target: object) -> str:
    """A target; of a commit the first 12 characters."""
    text = str(target or "")
    return text[:12] if re.fullmatch(r"[0-9a-f]{40}", text) else text


def _lost(events: Events, folder: Path) -> Iterator[str]:
    """What the run lost: what was accepted, and what its plan says. That nothing was lost is said only if nothing was changed."""
    if not RunState.of(events).touched:
        yield "nothing by this run: it changed nothing that serves"
        return
    accepted = next((event for event in reversed(events) if event["event"] == "accepted"), None)
    shown = next((event for event in reversed(events) if event["event"] == "loss-shown"), None)
    if shown and accepted and shown["loss"] == accepted.get("loss"):
        yield from (f"lost, and accepted by {accepted['who']}: {line}" for line in shown["lines"])
    try:
        planned = json.loads((folder / "plan.json").read_text())["loses"]
    except (OSError, ValueError, LookupError):
        yield f"what the plan says is lost is {UNKNOWN}: plan.json cannot be read"
        return
    known = shown["lines"] if shown else ()
    yield from [line for line in planned if line not in known] or ([] if shown else ["the plan names nothing that is lost"])


def _unanswered(events: Events) -> Iterator[str]:
    yield from (
        f"Still open in the checklist: {point['question']} {point['answer']}"
        for point in summary.checklist(events)
        if not point["answered"]
    )


def _effect(effect: Mapping[str, Any]) -> tuple[str, str, str]:
    name, asked, found = (plain(effect[key]) for key in ("name", "asked", "found"))
    return name, asked, found if effect["ok"] else f"{found} ✘"


# -- when -------------------------------------------------------------------------------------------------------------


def _timeline(every: Sequence[Other]) -> Iterator[str]:
    """What happened when: all of this run, and of the others how they began and ended. In UTC, with the local time of this machine beside
    it where that differs. If all was on one day, that stands in the heading."""
    happened = summary.timeline(every[-1].events)
    for one in every[:-1]:
        told = [(event, said) for event, said in summary.told(one.events) if event["event"] in ("open", "verdict")]
        happened += [(moment(event), f"{one.called}: {said}") for event, said in told]
    happened.sort(key=lambda pair: pair[0])
    zones = [("UTC", times.second), (times.zone(happened[0][0]), times.local)] if happened else []
    columns = [_Column(name, [show(at) for at, _ in happened]) for name, show in zones if name]
    rows = [(*(column.cells[number] for column in columns), words(said)) for number, (_, said) in enumerate(happened)]
    yield from table((*(column.heading for column in columns), "what happened"), rows)


class _Column:
    """A column of times in a zone, without their day if that is the same for all."""

    def __init__(self, zone: str, shown: Sequence[str]) -> None:
        days = {one[:10] for one in shown}
        self.heading = f"{zone}, {days.pop()}" if len(days) == 1 else zone
        self.cells = [one[11:] for one in shown] if not days else list(shown)


def _opened(one: Other) -> str:
    return str(one.events[0]["at"] if one.events else one.summary.get("opened", ""))
