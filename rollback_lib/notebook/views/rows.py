"""View of rows that are green, amber or red."""

from collections.abc import Sequence

from rollback_lib.notebook.view import View, table
from rollback_lib.procedures.common.rows import Row

_SIGNS = {"green": "✔ green", "amber": "▲ amber", "red": "✘ red"}


def rows(found: Sequence[Row], *, title: str = "") -> View:
    return table(("", "what", "how it is", "what to do"), [(_SIGNS[row.level], row.name, row.found, row.do) for row in found], title=title)
