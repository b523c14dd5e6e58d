"""A diff as people know it: by file, the lines that go beside those that come, coloured and signed; env variables by key."""

import html

from rollback_lib.notebook.redaction import clean
from rollback_lib.notebook.view import View, code
from rollback_lib.report import diff as read

_TABLE = "table-layout:fixed;width:100%;border-collapse:collapse;margin:.4em 0;font:12px/1.4 ui-monospace,monospace"
_CELL = "width:50%;text-align:left;vertical-align:top;padding:0 .5em;white-space:pre-wrap;overflow-wrap:anywhere;color:inherit"
_SHADES = {"head": "rgba(128,128,128,.15)", "gone": "rgba(207,34,46,.17)", "new": "rgba(26,127,55,.19)", "": "transparent"}


def diff(text: str, *, title: str, folded: bool = False) -> View:
    """The diff in a box that can be folded away by its title; one that is too long or is none stays text. Secrets are hidden."""
    files = read.files(clean(text))
    plain = code(text, title=title, folded=folded)
    if not files:
        return plain
    body = "".join(map(_file, files))
    summary = f'<summary style="cursor:pointer;font-weight:600">{html.escape(title)}</summary>'
    return View(f"<details{'' if folded else ' open'}>{summary}{body}</details>", str(plain))


def _file(file: read.File) -> str:
    named = f"<code>{html.escape(file.name)}</code> {file.counts}" if file.name else ""
    caption = f'<caption style="text-align:left;padding:.2em 0">{named}</caption>' if named else ""
    return f'<table style="{_TABLE}">{caption}<tbody>{"".join(map(_row, file.rows))}</tbody></table>'


def _row(row: read.Row) -> str:
    if row.kind == "head":
        return (
            f'<tr style="background:none"><td colspan="2" style="{_CELL};background:{_SHADES["head"]}">{html.escape(row.before)}</td></tr>'
        )
    before = _half("gone" if row.kind in ("gone", "changed") else "", "− ", row.before if row.kind != "new" else None)
    after = _half("new" if row.kind in ("new", "changed") else "", "+ ", row.after if row.kind != "gone" else None)
    return f'<tr style="background:none">{before}{after}</tr>'


def _half(kind: str, sign: str, line: str | None) -> str:
    said = "" if line is None else html.escape((sign if kind else "  ") + line)
    return f'<td style="{_CELL};background:{_SHADES[kind]}">{said}</td>'
