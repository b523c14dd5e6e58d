"""What a notebook needs: `open_incident`, and the procedures. Views appear by themselves."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rollback_lib.incident import Incident
from rollback_lib.notebook import display, gate, render
from rollback_lib.notebook.offer import offer
from rollback_lib.procedures import caddyfile, code, database, env, image, readiness, redeploy, triage, undo
from rollback_lib.record.folder import incidents_root
from rollback_lib.record.history import folder_of
from rollback_lib.stack import Stack

__all__ = [
    "caddyfile", "code", "database", "env", "image", "offer", "open_incident", "readiness", "redeploy", "resume_incident",
    "triage", "undo",
]  # fmt: skip


class NotebookConsole:
    """Shows a run below the cell that does it; asks in JupyterLab, and nowhere else."""

    def line(self, text: str) -> None:
        display.line(text)

    def show(self, thing: object) -> None:
        display.show(render.view(thing))

    def gate(self, word: str, said: str, on_confirmed: Callable[[], None]) -> bool:
        if not display.interactive():
            return False
        gate.ask(word, said, on_confirmed)
        return True


def open_incident(procedure: str, *, stack: "str | Path | Mapping[str, Any] | Stack", **options: Any) -> Incident:
    """`Incident.open` for a notebook: shown there, errors as sentences."""
    _prepare()
    return _shown(Incident.open(procedure, stack, console=NotebookConsole(), **options))


def resume_incident(incident: str, *, take_over: object = "false") -> Incident:
    """`Incident.resume` for a notebook, by the incident's id or its folder."""
    _prepare()
    folder = folder_of(incidents_root(), incident)
    return _shown(Incident.resume(folder, console=NotebookConsole(), take_over=str(take_over).lower() == "true"))


def _prepare() -> None:
    display.errors_as_sentences()
    render.register()


def _shown(incident: Incident) -> Incident:
    display.show(render.view(incident.opening))
    return incident
