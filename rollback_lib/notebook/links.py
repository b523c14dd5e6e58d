"""Links that JupyterLab can open: their paths are relative to the notebook that shows them."""

import html
import os
from pathlib import Path

from rollback_lib.notebook.view import View
from rollback_lib.runbook import working_copy


def link(file: Path, words: str, *, otherwise: Path) -> View:
    """A link to a file, relative to the notebook that a person has open. `otherwise` is the folder of the notebook if it runs headless."""
    notebook = working_copy.session()
    here = notebook.parent if notebook else otherwise
    address = html.escape(os.path.relpath(file.resolve(), here.resolve()), quote=True)
    return View(f'<a href="{address}">{html.escape(words)}</a>', f"{words}: {file}")


def under(*links: View) -> View:
    """Links, one below the other."""
    return View("<br>".join(view._repr_html_() for view in links), "\n".join(map(str, links)))
