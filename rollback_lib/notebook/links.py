"""Links that JupyterLab opens: by paths that are relative to the notebook which shows them."""

import html
import os
from pathlib import Path

from rollback_lib.notebook.view import View
from rollback_lib.runbook import working_copy


def link(file: Path, words: str, *, otherwise: Path) -> View:
    """A link in the notebook that a person has open; `otherwise` is the folder in which one that runs headless is kept."""
    notebook = working_copy.session()
    here = notebook.parent if notebook else otherwise
    address = html.escape(os.path.relpath(file.resolve(), here.resolve()), quote=True)
    return View(f'<a href="{address}">{html.escape(words)}</a>', f"{words}: {file}")


def under(*links: View) -> View:
    """Links under one another."""
    return View("<br>".join(one._repr_html_() for one in links), "\n".join(map(str, links)))
