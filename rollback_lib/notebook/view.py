"""Views: small objects with an HTML form for notebooks and a text form for everything else."""

import base64
import html
from collections.abc import Sequence

from rollback_lib.notebook.redaction import clean
from rollback_lib.report import inline
from rollback_lib.text import tables

# Colours are never the only signal. Borders and shades are semi-transparent, so that they fit every theme.
_TABLE = "border-collapse:collapse;margin:.4em 0;font-size:13px"
_CELL = "text-align:left;vertical-align:top;padding:.25em .8em;border-bottom:1px solid rgba(128,128,128,.35)"
_ONE_LINE = ";white-space:nowrap"
_SHORT = 12  # characters of a header that stays on one line
_LEVELS = {"good": ("✔", "#1a7f37"), "warn": ("▲", "#9a6700"), "bad": ("✘", "#cf222e"), "info": ("●", "#767676")}


class View:
    """Something to look at: `_repr_html_` for notebooks, `str` for everything else. `svg` is a drawing that belongs to it, "" if none."""

    def __init__(self, html_text: str, text: str, svg: str = "") -> None:
        self._html = html_text
        self._text = text
        self.svg = svg

    def _repr_html_(self) -> str:
        return self._html

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__


class Table(View):
    """A table, with the text of its cells."""

    def __init__(self, html_text: str, text: str, headers: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
        super().__init__(html_text, text)
        self.headers = headers
        self.cells = cells


def table(headers: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> Table:
    """A table. Cells are escaped, and secrets are hidden in them; cells that are views are taken as they are."""
    cells = [[clean(str(cell)) for cell in row] for row in rows]
    markups = [[cell._repr_html_() if isinstance(cell, View) else inline.cell(clean(str(cell))) for cell in row] for row in rows]
    head = "".join(map(_header, headers))
    # A first column without a header has signs, which stay on one line.
    signs = len(headers) > 2 and not headers[0]
    styles = [_CELL + (_ONE_LINE if signs and not number else "") for number in range(len(headers))]
    body = "".join(
        "<tr>" + "".join(f'<td style="{style}">{cell}</td>' for style, cell in zip(styles, row, strict=True)) + "</tr>" for row in markups
    )
    caption = f'<caption style="text-align:left;font-weight:600;padding:.3em 0">{html.escape(title)}</caption>' if title else ""
    top = f"<thead><tr>{head}</tr></thead>" if any(headers) else ""
    drawing = f'<table style="{_TABLE}">{caption}{top}<tbody>{body}</tbody></table>'
    lines = [[cell.replace("\n", " ⏎ ") for cell in row] for row in [list(headers), *cells]]
    drawn = tables.lines(lines)
    return Table(drawing, "\n".join(([title] if title else []) + (drawn if any(headers) else drawn[1:])), headers, cells)


def scrolling(view: View, name: str) -> View:
    """A view that is wider than a narrow page: it scrolls within a box that the keyboard reaches, and that a screen reader calls `name`."""
    box = f'<div tabindex="0" role="group" aria-label="{html.escape(name, quote=True)}" style="overflow-x:auto">'
    return View(f"{box}{view._repr_html_()}</div>", str(view), view.svg)


def _header(text: str) -> str:
    """The header of a column. A column of signs has none, and a screen reader is not to announce one."""
    style = _CELL + (_ONE_LINE if len(text) <= _SHORT else "")
    return f'<th style="{style}">{inline.sentence(text)}</th>' if text else f'<td style="{style}"></td>'


def sign(level: str) -> str:
    """The sign for a level: good, warn, bad or info."""
    return _LEVELS[level][0]


def words(text: str) -> View:
    """A sentence for the cell of a table: text between backticks becomes code. Secrets are hidden."""
    text = clean(text)
    return View(inline.sentence(text), text)


def whole(text: str) -> View:
    """Lines of names for the cell of a table, which no narrow column breaks. Secrets are hidden."""
    text = clean(text)
    return View(f'<span style="white-space:nowrap">{html.escape(text)}</span>'.replace("\n", "<br>"), text)


def note(level: str, text: str) -> View:
    """One or more sentences, marked as good, warn, bad or info by a sign and a colour. Secrets are hidden."""
    text = clean(text)
    mark, colour = _LEVELS[level]
    style = f"border-left:4px solid {colour};padding:.4em .8em;margin:.4em 0;overflow-wrap:anywhere"
    said = inline.sentence(text).replace("\n", "<br>")
    return View(f'<div style="{style}"><span style="color:{colour}">{mark}</span> {said}</div>', f"{mark} {text}")


def code(text: str, *, title: str, lead: str = "", folded: bool = False) -> View:
    """Text as it is, in a box that can be folded away by its title. `lead` is a sentence above the box. Secrets in the text are hidden."""
    text = clean(text)
    box = "padding:.6em;border:1px solid rgba(128,128,128,.35);max-height:32em;overflow:auto"
    style = f"font-size:12px;line-height:1.35;white-space:pre-wrap;overflow-wrap:anywhere;{box}"
    opened = "" if folded else " open"
    said = f'<div style="margin:.2em 0">{inline.sentence(lead)}</div>' if lead else ""
    body = f'{said}<pre style="{style}">{html.escape(text)}</pre>'
    return View(
        f'<details{opened}><summary style="cursor:pointer;font-weight:600">{html.escape(title)}</summary>{body}</details>',
        "\n".join(filter(None, (title, lead, text))),
    )


def image(svg: str, text: str) -> View:
    """A drawing, with its text below it."""
    return View(f'{svg}<div style="font-size:13px">{html.escape(text)}</div>', text)


def picture(svg: str, text: str) -> View:
    """A drawing as an image, with its text for those who do not see it. It is also shown where JupyterLab does not trust what a notebook
    shows, as on a start page that ran before the browser was there."""
    data = base64.b64encode(svg.encode()).decode()
    return View(f'<img src="data:image/svg+xml;base64,{data}" alt="{html.escape(text)}" style="max-width:100%">', text)


def bar(value: float, whole: float, mark: float | None, text: str) -> View:
    """A bar that shows how much of `whole` is used, with a mark where it usually ends (None for no mark), and a text above it."""
    end = max(value, whole)
    colour = _LEVELS["good" if value <= whole else "warn"][1]
    frame = "position:relative;height:10px;max-width:720px;border:1px solid rgba(128,128,128,.6);border-radius:3px;margin:.3em 0"
    used = f'<div style="height:100%;width:{100 * value / end:.1f}%;background:{colour}"></div>'
    line = "position:absolute;top:-3px;height:16px;border-left:2px dashed currentColor"
    usual = f'<div title="usual" style="{line};left:{100 * min(mark / end, 1):.1f}%"></div>' if mark else ""
    over = "" if value <= whole else "▲ over the budget: "
    return View(f'<div style="font-size:13px">{over}{html.escape(text)}</div><div style="{frame}">{used}{usual}</div>', over + text)


def stack(*views: View) -> View:
    """Views, one below the other."""
    svg = next((view.svg for view in views if view.svg), "")
    return View("".join(view._repr_html_() for view in views), "\n".join(map(str, views)), svg)
