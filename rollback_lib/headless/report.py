"""The executed notebook as one HTML file that needs nothing else and runs nothing."""

import functools
import html as markup
import threading
from pathlib import Path
from typing import Any

import nbformat

# nbconvert's `basic` template is the notebook alone, with no script of anybody's; the page around it is this.
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{title}</title><style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em }}
header {{ border: 2px solid; padding: .6em 1em; margin-bottom: 2em }}
header b {{ font-size: 1.3em }}
pre {{ font-size: 12.5px; line-height: 1.4; white-space: pre-wrap; overflow-wrap: anywhere }}
.input_area {{ border-left: 3px solid rgba(128, 128, 128, .4); padding-left: .8em; margin: .8em 0 .2em }}
.output_subarea {{ overflow-x: auto }}
.prompt, .anchor-link {{ display: none }}
td {{ overflow-wrap: anywhere }}
.highlight .c1 {{ opacity: .65 }}
</style></head><body><header><b>{verdict}</b><br>{reason}<br><small>{facts}</small></header>{body}</body></html>
"""


def html(executed: Path, record: dict[str, Any]) -> str:
    """The page for an executed notebook and its record.json."""
    body, _ = _exporter().from_notebook_node(nbformat.read(executed, as_version=4))
    facts = [f"{name}: {record[name]}" for name in ("procedure", "stack", "host", "who", "mode", "incident", "written") if record.get(name)]
    if "seconds" in record:
        facts.append(f"{record['seconds']:.1f} s of {record['budget']:.0f} s")
    return _PAGE.format(
        title=markup.escape(f"{record.get('procedure', '')} rollback {record.get('incident', '')}: {record['verdict']}"),
        verdict=markup.escape(f"Verdict: {record['verdict']}"), reason=markup.escape(record["reason"]),
        facts=markup.escape(" · ".join(facts)), body=body,
    )  # fmt: skip


def warm() -> threading.Thread:
    """Import nbconvert and compile its template in the background, while the notebook runs; join before `html`."""
    thread = threading.Thread(target=lambda: _exporter().from_notebook_node(nbformat.v4.new_notebook()), daemon=True)
    thread.start()
    return thread


@functools.cache
def _exporter() -> Any:
    from nbconvert.exporters.html import HTMLExporter

    return HTMLExporter(template_name="basic", exclude_anchor_links=True)
