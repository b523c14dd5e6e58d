"""The draft of a post-mortem in Markdown: what the record knows is filled in, what only people know is asked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rollback_lib.report import facts
from rollback_lib.report.facts import Events


def markdown(record: Mapping[str, Any], events: Events, folder: Path) -> str:
    """The draft for a record.json and its events."""
    told = facts.timeline(events)
    began = f"{told[0][0]:%Y-%m-%d %H:%M} UTC" if told else "unknown"
    seconds = f"{record['seconds']:.1f} s of {record['budget']:.0f} s" if "seconds" in record else "unknown"
    head = (
        ("Verdict", f"**{record['verdict']}**: {record['reason']}"), ("When", began), ("Who", record.get("who", "")),
        ("Host", f"{record.get('host', '')}, stack {record.get('stack', '')}"),
        ("Why", record.get("because") or "_to be filled in_"), ("Change taken back", _change(events)),
        ("Took", seconds), ("Outage", facts.outages(events).words), ("Record", folder.name),
    )  # fmt: skip
    lines = [f"# Post-mortem: {_plain(record.get('procedure', ''))} rollback of {_plain(record.get('stack', ''))}, {began}", ""]
    lines += ["| | |", "|---|---|", *(f"| {name} | {_cell(value)} |" for name, value in head), ""]
    lines += ["## What happened", "", "_In a few sentences: what users saw, since when, and what was at fault._", ""]
    lines += ["## Timeline (UTC)", "", *(f"- {at:%H:%M:%S} {_plain(words)}" for at, words in told), ""]
    if record.get("effects"):
        lines += ["## Before and after", "", "| | asked for | found |", "|---|---|---|"]
        lines += [f"| {_cell(e['name'])} | {_cell(e['asked'])} | {_cell(e['found'])}{'' if e['ok'] else ' ✘'} |" for e in record["effects"]]
        lines += [""]
    left = [f"- [ ] {_plain(one)}" for one in record.get("next", ())]
    lines += ["## What is left to do", "", *left, "- [ ] _Mend the cause, and say here how._", ""]
    lines += ["## What we learned", "", "- What went well:", "- What went badly:", "- Where we were lucky:", ""]
    return "\n".join(lines)


def _change(events: Events) -> str:
    """Which change was taken back, as the checklist had it."""
    known = next((one["answer"] for one in facts.checklist(events) if one["name"] == "change" and one["answered"]), "")
    return known or "_to be filled in_"


def _plain(text: object) -> str:
    """A text on one line, whose signs Markdown and HTML take for themselves are made harmless."""
    line = " ".join(str(text).split())
    for sign in "\\`*_[]<>":
        line = line.replace(sign, "\\" + sign)
    return line


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("<", "\\<").replace("|", "\\|")
