"""The files that JupyterLab shows."""

import asyncio
from subprocess import Popen
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

from rollback_lib.runbook import still


class Contents(AsyncLargeFileManager):  # type: ignore[misc]
    """Files in a folder. One of them may be held until a process that writes it has ended.

    A notebook without a kernel is shown without its widgets, which nothing would answer, and says how old its outputs are.
    """

    _held: tuple[str, "Popen[bytes]"] | None = None

    def hold(self, path: str, writer: "Popen[bytes]") -> None:
        """Return the file at `path` only when the process `writer` has ended."""
        self._held = path, writer

    async def get(self, path: str, *args: Any, **options: Any) -> Any:
        path = path.strip("/")
        held = self._held is not None and path == self._held[0]
        if self._held and held:
            await asyncio.to_thread(self._held[1].wait)
        model = await super().get(path, *args, **options)
        if model["type"] == "notebook" and model["content"] and not await self._runs(path):
            still.drop_widgets(model["content"])
            if not held:  # it was written just now
                still.say_old(model["content"], model["last_modified"])
        return model

    async def _runs(self, path: str) -> bool:
        """Whether a kernel runs for the notebook."""
        return self.parent is not None and bool(await self.parent.session_manager.session_exists(path))
