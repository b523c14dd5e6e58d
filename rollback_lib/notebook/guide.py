"""Brings a person to the gate when Run All has passed it, lets Enter confirm, and lets the cells below run by one button (`guide.js`)."""

import anywidget
import traitlets

from rollback_lib.notebook.script import script


class Guide(anywidget.AnyWidget):  # type: ignore[misc]
    """Shown below a gate. `stage` is "ask" while the gate waits for a person, "run" when the cells below may run, "done" when the page
    has run them or cannot, else ""."""

    _esm = script("guide")
    stage = traitlets.Unicode("ask").tag(sync=True)
