"""The draft of a post-mortem in Markdown: what the record knows is filled in, what only people know is asked."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rollback_lib.report import summary
from rollback_lib.report.summary import Events
from rollback_lib.text import times

_ASKED = "_to be filled in_"
# The colon of an address, and the first dot of one without a scheme, are what it is known by.
_SIGNS = re.compile(r"[\\`*_\[\]<>|~]|:(?=//)|(?<=www)\.", re.IGNORECASE)


def markdown(record: Mapping[str, Any], events: Events, folder: Path) -> str:
    """The draft for a record.json and its events."""
    told = summary.timeline(events)
    began = times.minute(told[0][0]) if told else "unknown"
    seconds = times.of_budget(record["seconds"], record["budget"]) if "seconds" in record else "unknown"
    head = (
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
        rows = [(*(_plain(one[name]) for name in ("name", "asked", "found")), "" if one["ok"] else " ✘") for one in record["effects"]]
        lines += [f"| {name} | {asked} | {found}{sign} |" for name, asked, found, sign in rows]
        lines += [""]
    left = [f"- [ ] {_plain(one)}" for one in record.get("next", ())]
    lines += ["## What is left to do", "", *left, "- [ ] _Mend the cause, and say here how._", ""]
    lines += ["## What we learned", "", "- What went well:", "- What went badly:", "- Where we were lucky:", ""]
    return "\n".join(lines)


def _change(events: Events) -> str:
    """Which change was reverted, as the checklist had it; "" where nobody knew."""
    return str(next((one["answer"] for one in summary.checklist(events) if one["name"] == "change" and one["answered"]), ""))


def _plain(text: object) -> str:
    """A text on one line that is nothing but text wherever it stands, and leads nowhere: the signs that Markdown and HTML take for
    themselves are made harmless, and an address, which viewers make a link of without any sign."""
    return _SIGNS.sub(r"\\\g<0>", " ".join(str(text or "").split()))
