"""What a notebook imports: `open_incident`, and the procedures. A cell that ends in one of their objects shows its view.

A procedure is loaded when a notebook imports it.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollback_lib.notebook import display, errors, live_kernel, render
from rollback_lib.notebook.console import NotebookConsole
from rollback_lib.notebook.interactive import InteractiveIncident
from rollback_lib.notebook.view import note
from rollback_lib.record.folder import incidents_root
from rollback_lib.record.history import folder_of
from rollback_lib.run.incident import Incident
from rollback_lib.stack.model import Stack

if TYPE_CHECKING:
    from rollback_lib.procedures import caddyfile, code, database, datafile, env, image, readiness, redeploy, release, triage, undo

__all__ = [
    "caddyfile", "code", "database", "datafile", "env", "image", "offer", "open_incident", "readiness", "redeploy", "release",
    "resume_incident", "triage", "undo",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in __all__:  # the functions are here already
        return import_module(f"rollback_lib.procedures.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def open_incident(procedure: str, *, stack: "str | Path | Mapping[str, Any] | Stack", **options: Any) -> Incident:
    """`Incident.open` for a notebook. The incident is shown in the notebook, and errors appear as sentences."""
    console = _prepare()
    with display.waiting(note("info", "Connecting …")):
        incident = InteractiveIncident.open(procedure, stack, console=console, **options)
    return _shown(incident, console)


def offer(run: Incident, found: "triage.Diagnosis", stack_name: object) -> None:
    """Show the rollbacks that fit, the smallest first, each with a working copy of its notebook. In JupyterLab, if somebody else is at it
    already, show first what they do."""
    from rollback_lib.notebook import next_steps  # imported here, since only triage needs it

    if display.interactive():
        from rollback_lib.notebook import following

        following.watch_others(run.stack)
    next_steps.offer(run, found, stack_name)


def resume_incident(incident: str, *, take_over: object = "false") -> Incident:
    """`Incident.resume` for a notebook. `incident` is the incident's id or folder."""
    console = _prepare()
    folder = folder_of(incidents_root(), incident)
    with display.waiting(note("info", "Connecting …")):
        resumed = InteractiveIncident.resume(folder, console=console, take_over=str(take_over).lower() == "true")
    return _shown(resumed, console)


def _prepare() -> NotebookConsole:
    errors.in_words(lambda _: [("host", "nothing was changed")])
    if display.interactive():
        live_kernel.attend(display.shell().kernel)
    return NotebookConsole()


def _shown(incident: InteractiveIncident, console: NotebookConsole) -> InteractiveIncident:
    incident.console = console
    errors.in_words(lambda _: incident.aftermath())
    render.register(incident.opening.procedure, console.show, incident.pick)
    console.show(incident.opening)
    if display.interactive():
        incident.show_bar()
    return incident
