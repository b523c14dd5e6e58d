"""Shows views, widgets and live lines in the notebook that is running, or on a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from rollback_lib.notebook.view import View

_WIDGET = "application/vnd.jupyter.widget-view+json"


def shell() -> Any:
    """The shell of the notebook that is running, or None."""
    get = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get() if get else None


class Place:
    """An output of a cell, whose content can be changed later."""

    def __init__(self, bundle: dict[str, object]) -> None:
        from IPython.display import display

        self._id = uuid4().hex
        display(bundle, raw=True, display_id=self._id)

    def update(self, view: View) -> None:
        """Show this view there instead."""
        from IPython.display import update_display

        update_display(_bundle(view), raw=True, display_id=self._id)


def show(view: View) -> Place | None:
    """Display a view as an output of the running cell; a drawing is an output of its own, which every reader of notebooks knows."""
    if shell() is None:
        print(view)
        return None
    place = Place(_bundle(view))
    if view.svg:
        from IPython.display import display

        display({"image/svg+xml": view.svg, "text/plain": "(the chart of what is listed above)"}, raw=True)
    return place


def show_widget(widget: Any, twin: View) -> Place:
    """Display a widget; where there are none, on GitHub and in a record, `twin` is seen."""
    content = widget._repr_mimebundle_()
    return Place({_WIDGET: content[_WIDGET], **_bundle(twin)})


def rename(old: object, new: object) -> None:
    """Let every name that the notebook has for one thing mean another."""
    names = shell().user_ns
    for name in [name for name, value in names.items() if value is old]:
        names[name] = new


def line(text: str) -> None:
    """One line of live output."""
    print(text, flush=True)


@contextmanager
def waiting(said: View) -> Iterator[None]:
    """Show this to a person until the next output comes, so that no cell is silent while it waits for a host."""
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
    """Whether a person sits before the notebook: JupyterLab lets a cell ask questions, papermill does not."""
    return bool(getattr(getattr(shell(), "kernel", None), "_allow_stdin", False))


def _bundle(view: View) -> dict[str, object]:
    return {"text/html": view._repr_html_(), "text/plain": str(view)}
