"""The files that JupyterLab shows."""

from asyncio import Future, wait
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

from rollback_lib.runbook import still


class Contents(AsyncLargeFileManager):  # type: ignore[misc]
    """Files in a folder. One of them may be held until what writes it has ended.

    A notebook without a kernel is shown without its widgets, which nothing would answer, and says how old its outputs are.
    """

    _held: "tuple[str, Future[None]] | None" = None

    def hold(self, path: str, writer: "Future[None]") -> None:
        """Return the file at `path` only when `writer` has ended, well or not."""
        self._held = path, writer

    async def get(self, path: str, *args: Any, **options: Any) -> Any:
        path = path.strip("/")
        held = self._held is not None and path == self._held[0]
        if self._held and held:
            await wait([self._held[1]])
        model = await super().get(path, *args, **options)
        if model["type"] == "notebook" and model["content"] and not await self._runs(path):
            still.drop_widgets(model["content"])
            if not held:  # it was written just now
                still.say_old(model["content"], model["last_modified"])
        return model

    async def _runs(self, path: str) -> bool:
        """Whether a kernel runs for the notebook."""
        return self.parent is not None and bool(await self.parent.session_manager.session_exists(path))
