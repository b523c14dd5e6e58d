"""papermill without what it brings for kernels: a client for them, and its network libraries. Our engine runs the cells in a process of its
own, and half of papermill's import would be for nothing.
"""

import sys
from types import ModuleType

_CLIENT = "papermill.clientwrap"  # from which papermill 2.7 takes the client that its own engine uses


def _without_client() -> None:
    """Put a module in the place of the one with that client, unless papermill was imported before, for other uses."""
    stand_in = ModuleType(_CLIENT)
    stand_in.PapermillNotebookClient = None  # type: ignore[attr-defined]
    sys.modules.setdefault(_CLIENT, stand_in)


_without_client()

import papermill  # noqa: E402
from papermill.engines import Engine as PapermillEngine  # noqa: E402
from papermill.engines import NotebookExecutionManager, papermill_engines  # noqa: E402

__all__ = ["NotebookExecutionManager", "PapermillEngine", "papermill", "papermill_engines"]
