"""The draft of a post-mortem in Markdown. What the record knows is filled in; the rest is left for people to write."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rollback_lib.report import summary
from rollback_lib.report.summary import Events
from rollback_lib.text import times

_ASKED = "_to be filled in_"
# The signs of Markdown and HTML; and the colon in `https://` and the dot in `www.`, by which viewers recognise an address.
_SIGNS = re.compile(r"[\\`*_\[\]<>|~]|:(?=//)|(?<=www)\.", re.IGNORECASE)


def markdown(record: Mapping[str, Any], events: Events, folder: Path) -> str:
    """The draft, made from a record.json and its events. `folder` is the folder of the record."""
    told = summary.timeline(events)
    began = times.minute(told[0][0]) if told else "unknown"
    seconds = _took(record) if "seconds" in record else "unknown"
    broke = _plain(record.get("break_glass"))
    head = (
        *([("Without approval", f"**{broke}**")] if broke else []),
        ("Verdict", f"**{_plain(record['verdict'])}**: {_plain(record['reason'])}"), ("When", began), ("Who", _plain(record.get("who"))),
        ("Host", _plain(f"{record.get('host', '')}, stack {record.get('stack', '')}")),
        ("Why", _plain(record.get("because")) or _ASKED), ("Change reverted", _plain(_change(events)) or _ASKED),
        ("Took", seconds), ("Outage", _plain(summary.outages(events).words)), ("Record", _plain(folder.name)),
    )  # fmt: skip
    lines = [f"# Post-mortem: {_plain(record.get('procedure', ''))} rollback of {_plain(record.get('stack', ''))}, {began}", ""]
    lines += ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in head), ""]
    lines += ["## What happened", "", "_In a few sentences: what users saw, since when, and what was at fault._", ""]
    lines += ["## Timeline (UTC)", "", *(f"- {times.clock(at)} {_plain(words)}" for at, words in told), ""]
    if record.get("effects"):
        lines += ["## Before and after", "", "| | asked for | found |", "|---|---|---|"]
        rows = [
            (*(_plain(effect[name]) for name in ("name", "asked", "found")), "" if effect["ok"] else " ✘") for effect in record["effects"]
        ]
        lines += [f"| {name} | {asked} | {found}{sign} |" for name, asked, found, sign in rows]
        lines += [""]
    left = [f"- [ ] {_plain(action)}" for action in record.get("next", ())]
    lines += ["## What is left to do", "", *left, "- [ ] _Mend the cause, and say here how._", ""]
    lines += ["## What we learned", "", "- What went well:", "- What went badly:", "- Where we were lucky:", ""]
    return "\n".join(lines)


def _took(record: Mapping[str, Any]) -> str:
    seconds, budget = record["seconds"], record["budget"]
    return times.of_budget(seconds, budget) if budget else times.exactly(seconds)


def _change(events: Events) -> str:
    """Which change was reverted, according to the checklist; "" if that was not known."""
    return str(next((point["answer"] for point in summary.checklist(events) if point["name"] == "change" and point["answered"]), ""))


def _plain(text: object) -> str:
    """A text on one line, with every sign escaped that Markdown or HTML would interpret. Addresses are escaped as well, since viewers turn
    them into links."""
    return _SIGNS.sub(r"\\\g<0>", " ".join(str(text or "").split()))
