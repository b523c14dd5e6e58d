"""Shows views, widgets and lines of output in the running notebook, or prints them on a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from rollback_lib.notebook.view import View
from rollback_lib.runbook.still import WIDGET


def shell() -> Any:
    """The IPython shell of the running notebook; None outside of a notebook."""
    get = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get() if get else None


class Place:
    """An output of a cell. Its content can be changed later."""

    def __init__(self, bundle: dict[str, object]) -> None:
        from IPython.display import display

        self._id = uuid4().hex
        display(bundle, raw=True, display_id=self._id)

    def update(self, view: View) -> None:
        """Replace the content by this view."""
        from IPython.display import update_display

        update_display(_bundle(view), raw=True, display_id=self._id)


def show(view: View) -> Place | None:
    """Display a view as an output of the running cell. Its drawing, if it has one, is a separate output of type SVG, which all viewers of
    notebooks can show. Returns None outside of a notebook."""
    if shell() is None:
        print(view)
        return None
    place = Place(_bundle(view))
    if view.svg:
        from IPython.display import display

        display({"image/svg+xml": view.svg, "text/plain": "(the chart of what is listed above)"}, raw=True)
    return place


class WidgetPlace(Place):
    """An output with a widget. Viewers without widgets, such as GitHub and the pages of a record, show its twin instead."""

    def __init__(self, widget: Any, twin: View) -> None:
        self._widget = widget._repr_mimebundle_()[WIDGET]
        super().__init__({WIDGET: self._widget, **_bundle(twin)})

    def update_twin(self, twin: View) -> None:
        """Replace the twin, and keep the widget."""
        from IPython.display import update_display

        update_display({WIDGET: self._widget, **_bundle(twin)}, raw=True, display_id=self._id)


def show_widget(widget: Any, twin: View) -> WidgetPlace:
    """Display a widget; `twin` is for viewers without widgets."""
    return WidgetPlace(widget, twin)


def output(view: View) -> dict[str, object]:
    """A view as the widget `Output` has it in its `outputs`."""
    return {"output_type": "display_data", "data": _bundle(view), "metadata": {}}


def rename(old: object, new: object) -> None:
    """Assign `new` to every variable of the notebook that has the value `old`."""
    names = shell().user_ns
    for name in [name for name, value in names.items() if value is old]:
        names[name] = new


def line(text: str) -> None:
    """Print a line as output of the running cell."""
    print(text, flush=True)


@contextmanager
def waiting(said: View) -> Iterator[None]:
    """In JupyterLab, show `said` while the context is open, so that a cell that waits for a host is not empty. The next output replaces
    it."""
    if not interactive():
        yield
        return
    from IPython.display import clear_output

    show(said)
    try:
        yield
    finally:
        clear_output(wait=True)


def interactive() -> bool:
    """Whether a person is at the notebook. The kernel tells: JupyterLab lets a cell ask for input, papermill does not."""
    return bool(getattr(getattr(shell(), "kernel", None), "_allow_stdin", False))


def _bundle(view: View) -> dict[str, object]:
    return {"text/html": view._repr_html_(), "text/plain": str(view)}
