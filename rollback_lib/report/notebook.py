"""The executed notebook as one HTML file that needs nothing else and runs nothing; verdict first.

Written here and not by nbconvert, whose pages load scripts from elsewhere and whose import takes longer than a rollback.
"""

import html as markup
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mistune
import nbformat

from rollback_lib.report import page


def html(executed: Path, record: dict[str, Any]) -> str:
    """The page for an executed notebook and its record.json."""
    notebook = nbformat.read(executed, as_version=4)
    body = "\n".join(part for cell in notebook.cells for part in _cell(cell))
    return page.frame(record, f"{record.get('procedure', '')} rollback {record.get('incident', '')}, the notebook", body)


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
    drawn = data.get("text/html") or data.get("image/svg+xml")  # a widget, which needs its kernel, has such a twin
    return str(drawn) if drawn else f"<pre>{markup.escape(data.get('text/plain', ''))}</pre>"
