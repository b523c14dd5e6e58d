"""The report of a record: one HTML file that needs nothing else and runs nothing; verdict first."""

import html as markup
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rollback_lib.record.state import RunState, moment
from rollback_lib.report import chart, summary
from rollback_lib.report.inline import sentence
from rollback_lib.report.summary import Events

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em }
header { border: 2px solid; padding: .6em 1em; margin-bottom: 2em }
header b { font-size: 1.3em }
h2 { font-size: 1.15em; margin: 1.6em 0 .4em }
pre { font-size: 12.5px; line-height: 1.4; white-space: pre-wrap; overflow-wrap: anywhere; margin: .5em 0 }
pre.in { border-left: 3px solid rgba(128, 128, 128, .4); padding-left: .8em; opacity: .75 }
.out { overflow-x: auto; margin-bottom: 1em }
table { border-collapse: collapse; font-size: 13.5px }
td, th { overflow-wrap: anywhere; text-align: left; vertical-align: top; padding: .25em .8em .25em 0 }
td, th { border-bottom: 1px solid rgba(128, 128, 128, .35) }
summary { cursor: pointer; font-weight: 600 }
"""
_FACTS = ("procedure", "stack", "host", "who", "mode", "incident", "written")
_EMPTY = "nothing"
_ANSWERED = {True: "✔\u00a0answered", False: "▲\u00a0open"}
_SIGNS = {"green": "✔", "amber": "▲", "red": "✘"}


def html(record: Mapping[str, Any], events: Events, folder: Path) -> str:
    """The page for a record.json, its events, and the other files of its folder."""
    body = "\n".join(part for part in _sections(record, events, folder) if part)
    word = "" if record.get("found") else " rollback"
    return frame(record, f"{record.get('procedure', '')}{word} {record.get('incident', '')}", body)


def frame(record: Mapping[str, Any], title: str, body: str) -> str:
    """A page that begins with the verdict."""
    said = [f"{name}: {record[name]}" for name in _FACTS if record.get(name)]
    if "seconds" in record:
        said.append(f"{record['seconds']:.1f} s of {record['budget']:.0f} s")
    because = f"<br>Why it was run: {markup.escape(str(record['because']))}" if record.get("because") else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<title>{markup.escape(title)}: {markup.escape(str(record['verdict']))}</title><style>{STYLE}</style></head><body>"
        f"<header><b>Verdict: {markup.escape(str(record['verdict']))}</b><br>{sentence(str(record['reason']))}{because}"
        f"<br><small>{markup.escape(' · '.join(said))}</small></header>\n{body}</body></html>\n"
    )


def _sections(record: Mapping[str, Any], events: Events, folder: Path) -> Iterator[str]:
    steps = RunState.of(events).ran
    left = record.get("next", ())
    if left:
        yield "<h2>What is left to do</h2><ul>" + "".join(f"<li>{sentence(str(one))}</li>" for one in left) + "</ul>"
    began = (moment(events[0]), float(record["budget"])) if events and record.get("budget") else None
    outages = summary.outages(events)
    drawn = chart.timeline(summary.ticks(events), outages, spans=summary.spans(events), budget=began)
    if drawn:
        yield f"<h2>Steps, health and budget</h2>{drawn}<p>✔ and a low tick: done, passed; ✘ and a cross: failed; ?: not known.</p>"
        yield f"<p>Outage: {markup.escape(outages.words)}.</p>"
    yield from _found(record.get("found", {}))
    points = [(_ANSWERED[bool(one["answered"])], one["question"], one["answer"]) for one in summary.checklist(events)]
    if points:
        yield "<h2>The checklist before it</h2>" + _table(("", "", "what was known"), points)
    if record.get("steps"):
        took = {one.step: one.took for one in steps}
        ended = {one.step: f": {one.words}" for one in steps if not one.ok}
        rows = [(name, f"{word}{ended.get(name, '')}", took.get(name, "")) for name, word in record["steps"].items()]
        yield "<h2>How far it came</h2>" + _table(("step", "", "took"), rows)
    if record.get("effects"):
        found = [
            (e["name"], e["asked"], e["found"], "✘" if not e["ok"] else "✔" if e["asked"] == e["found"] else "–") for e in record["effects"]
        ]
        yield "<h2>After: asked for and found</h2>" + _table(("", "asked for", "found", ""), found)
    if record.get("before"):
        yield "<h2>Before</h2>" + _table(("", ""), [(name, str(value) or _EMPTY) for name, value in record["before"].items()])
    yield "<h2>Timeline (UTC)</h2>" + _table(("", ""), [(f"{at:%H:%M:%S.%f}"[:-3], words) for at, words in summary.timeline(events)])
    if steps:
        yield "<h2>Commands that ran on the host</h2>"
    for one in steps:
        lines = "\n".join(one.lines)
        said = f"<p>It said at its end:</p><pre>{markup.escape(lines)}</pre>" if lines else ""
        yield _fold(f"{one.job}: {one.words}", f'<pre class="in">{markup.escape(chr(10).join(one.commands))}</pre>{said}')
    for name, title in (("plan.diff", "What changes"), ("plan.sh", "The plan"), ("undo.sh", "The way back")):
        file = folder / name
        text = file.read_text() if file.exists() else ""
        if text.strip():
            yield _fold(f"{title} ({name})", f"<pre>{markup.escape(text)}</pre>")


def _found(found: Mapping[str, Any]) -> Iterator[str]:
    """What a run found that only looked: the rows of the page, and those that are green, amber or red."""
    rows = [(one["fit"], one["situation"], "; ".join(one["for"]), "; ".join(one["against"])) for one in found.get("findings", ())]
    if rows and not found["healthy"]:
        yield "<h2>Which row of the page fits</h2>" + _table(("", "", "what speaks for it", "what speaks against it"), rows)
    levels = [(f"{_SIGNS[one['level']]}\u00a0{one['level']}", one["name"], one["found"], one["do"]) for one in found.get("rows", ())]
    if levels:
        yield "<h2>How it is</h2>" + _table(("", "", "", "what to do"), levels)


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "<tr>" + "".join(f"<th>{markup.escape(one)}</th>" for one in headers) + "</tr>" if any(headers) else ""
    body = "".join("<tr>" + "".join(f"<td>{markup.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{head}{body}</table>"


def _fold(title: str, body: str) -> str:
    return f"<details><summary>{markup.escape(title)}</summary>{body}</details>"
