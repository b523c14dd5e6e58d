"""The executed notebook as one HTML file that needs nothing else and runs nothing; verdict first.

Written here and not by nbconvert, whose pages load scripts from elsewhere and whose import takes longer than a rollback.
"""

import html as markup
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mistune
import nbformat

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{title}</title><style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em }}
header {{ border: 2px solid; padding: .6em 1em; margin-bottom: 2em }}
header b {{ font-size: 1.3em }}
pre {{ font-size: 12.5px; line-height: 1.4; white-space: pre-wrap; overflow-wrap: anywhere; margin: .5em 0 }}
pre.in {{ border-left: 3px solid rgba(128, 128, 128, .4); padding-left: .8em; opacity: .75 }}
.out {{ overflow-x: auto; margin-bottom: 1em }}
td {{ overflow-wrap: anywhere }}
</style></head><body><header><b>Verdict: {verdict}</b><br>{reason}<br><small>{facts}</small></header>
{body}</body></html>
"""
_FACTS = ("procedure", "stack", "host", "who", "mode", "incident", "written")


def html(executed: Path, record: dict[str, Any]) -> str:
    """The page for an executed notebook and its record.json."""
    notebook = nbformat.read(executed, as_version=4)
    facts = [f"{name}: {record[name]}" for name in _FACTS if record.get(name)]
    if "seconds" in record:
        facts.append(f"{record['seconds']:.1f} s of {record['budget']:.0f} s")
    return _PAGE.format(
        title=markup.escape(f"{record.get('procedure', '')} rollback {record.get('incident', '')}: {record['verdict']}"),
        verdict=markup.escape(record["verdict"]),
        reason=markup.escape(record["reason"]),
        facts=markup.escape(" · ".join(facts)),
        body="\n".join(part for cell in notebook.cells for part in _cell(cell)),
    )


def _cell(cell: Any) -> Iterator[str]:
    if cell.cell_type == "markdown":
        yield str(mistune.html(cell.source))
        return
    status = cell.metadata.get("papermill", {}).get("status")
    never = " (this cell did not run)" if status == "pending" else ""
    yield f'<pre class="in">{markup.escape(cell.source)}{never}</pre>'
    for output in cell.outputs:
        yield f'<div class="out">{_output(output)}</div>'


def _output(output: Any) -> str:
    if output.output_type == "stream":
        return f"<pre>{markup.escape(output.text)}</pre>"
    if output.output_type == "error":
        return f"<pre>✘ {markup.escape(f'{output.ename}: {output.evalue}')}</pre>"
    data = output.data
    return str(data["text/html"]) if "text/html" in data else f"<pre>{markup.escape(data.get('text/plain', ''))}</pre>"
